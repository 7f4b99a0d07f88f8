"""Measures the networks on pages kept from training, set by set, and draws their worst pages.

    python -m model.evaluate [--networks model] [--worst model/work/worst] [--calibrate model/work/settings.json]
    python -m model.evaluate --artifact "./build.sh count"      # the finished program instead of the networks alone
    python -m model.evaluate --sets FOLDER                      # pages of your own with labels

The sets are those of model.sets, built once under model/work/eval and then read from there.  A set of a held-out source's
name holds that source's pages of clean200.

Found means IoU of at least 0.3 with a box not yet taken, the most confident first; detections on ignored places count
neither way.  With --calibrate, the threshold and calibration are chosen on these sets and written for model.export.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model import corpus
from model.detect import Found, Networks, alike, by_itself, detect, iou, networks, settings
from model.net import Net, flop
from model.page import EMPTY, FILLED, IGNORE
from model.sets import SETS, Labelled, build, labelled
from model.verifier import SIZE, Verifier

HERE = Path(__file__).parent
AT_ONCE = 50  # files given to the finished program in one call
# Multiply and add counted apart.
FLOP_A_PIXEL, FLOP_A_CANDIDATE = flop(Net(), 96, 96) / 96**2, flop(Verifier(), 2 * SIZE, SIZE)
FLOOR = 0.02  # confidence down to which boxes are kept for the precision-recall curve

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


# ---- measuring -----------------------------------------------------------------------------------------------------


def match(
    found: Floats, truth: Floats, states: NDArray[np.int8], least: float
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each detection [n,4], best first: the truth's index or -1, and whether it lies on an ignored place.

    A detection that meets no free box but overlaps an ignored one, or has its centre in it, is ignored.
    """
    to = np.full(len(found), -1, np.intp)
    ignored = np.zeros(len(found), bool)
    if not len(found) or not len(truth):
        return to, ignored
    overlap = iou(found, truth)
    centre = (found[:, :2] + found[:, 2:]) / 2
    taken = states == IGNORE
    for i in range(len(found)):
        free = np.where(taken, -1, overlap[i])
        j = int(free.argmax())
        if free[j] >= least:
            to[i], taken[j] = j, True
            continue
        inside = (centre[i] > truth[:, :2]).all(1) & (centre[i] < truth[:, 2:]).all(1)
        ignored[i] = bool(((states == IGNORE) & ((overlap[i] > 0.1) | inside)).any())
    return to, ignored


def average_precision(score: Floats, right: NDArray[np.bool_], count: int) -> float:
    """Area under the precision-recall curve, precision made monotonic (all points)."""
    if count == 0:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * right[order]).sum() / count)


@dataclass
class Tally:
    """Sums over the pages of one set, and every detection above FLOOR for curves and calibration."""

    pages: int = 0
    work: float = 0.0  # floating-point operations
    exact: int = 0
    truth: int = 0
    hit: int = 0
    false: int = 0
    right_state: int = 0
    iou: float = 0.0
    found: list[tuple[Found, NDArray[np.bool_]]] = field(default_factory=list)  # and which lie on no ignored place
    good: list[NDArray[np.bool_]] = field(default_factory=list)  # of those
    rated: dict[int, list[tuple[Floats, NDArray[np.bool_]]]] = field(default_factory=lambda: {EMPTY: [], FILLED: []})
    count: dict[int, int] = field(default_factory=lambda: {EMPTY: 0, FILLED: 0})
    counted: list[tuple[Floats, Floats, list[int]]] = field(default_factory=list)
    worst: list[tuple[int, Labelled, Found, NDArray[np.intp], NDArray[np.bool_]]] = field(default_factory=list)

    def add(self, page: Labelled, found: Found, conf: float) -> None:
        boxes, states = page.boxes, page.states
        real = states != IGNORE
        to, ignored = match(found.boxes, boxes, states, 0.3)
        self.found.append((found, ~ignored))
        self.good.append((to >= 0)[~ignored])
        said = (found.state > 0).astype(np.int8)
        for state in (EMPTY, FILLED):
            mine = said == state
            other = states.copy()
            other[real & (states != state)] = IGNORE + 10  # neither this class nor ignored: a hit there is wrong
            rank, skip = match(found.boxes[mine], boxes[other != IGNORE + 10], other[other != IGNORE + 10], 0.5)
            self.rated[state].append((found.logit[mine][~skip], (rank >= 0)[~skip]))
            self.count[state] += int((states == state).sum())
        on = found.confidence >= conf
        hits = on & (to >= 0)
        false = on & (to < 0) & ~ignored
        correct = said[hits] == states[to[hits]]
        self.pages += 1
        self.work += found.pixels * FLOP_A_PIXEL + found.checked * FLOP_A_CANDIDATE
        self.truth += int(real.sum())
        self.hit += int(hits.sum())
        self.false += int(false.sum())
        self.right_state += int(correct.sum())
        if hits.any():
            self.iou += float(iou(found.boxes[hits], boxes).max(1).sum())
        wanted = [int((states == s).sum()) for s in (EMPTY, FILLED)]
        given = [(said[on & ~ignored] == s).sum() for s in (EMPTY, FILLED)]
        self.exact += wanted == given
        self.counted.append((found.logit[~ignored], found.state[~ignored], wanted))
        errors = int(real.sum() - hits.sum() + false.sum() + (~correct).sum())
        self.worst.append((errors, page, found.above(conf), to[on], ignored[on]))

    def exact_from(self, logit: float, bias: float = 0.0) -> float:
        """Share of pages whose counts of both states are right if boxes of at least this logit are reported, the state's shifted."""
        right = []
        for logits, states, wanted in self.counted:
            filled = states[logits >= logit] + bias > 0
            right.append(wanted == [int((~filled).sum()), int(filled.sum())])
        return float(np.mean(right))

    def row(self) -> dict[str, float]:
        parts = [self.rated[s] for s in (EMPTY, FILLED)]
        ap = [
            average_precision(np.concatenate([p[0] for p in part]), np.concatenate([p[1] for p in part]), self.count[s])
            for s, part in zip((EMPTY, FILLED), parts, strict=True)
        ]
        return {
            "pages": self.pages,
            "boxes": self.truth,
            "recall": self.hit / max(self.truth, 1),
            "precision": self.hit / max(self.hit + self.false, 1),
            "state": self.right_state / max(self.hit, 1),
            "exact": self.exact / max(self.pages, 1),
            "iou": self.iou / max(self.hit, 1),
            "map50": float(np.nanmean(ap)),
            "gflop": self.work / 1e9 / max(self.pages, 1),
        }


Detector = Callable[[list[Labelled]], Iterator[Found]]


def by_network(run: Networks, numbers: dict[str, Any], floor: float = FLOOR) -> Detector:
    """The networks in this process, one page after the other; what they give at least the confidence `floor`."""
    return lambda pages: (detect(page.image(), run, numbers, floor) for page in pages)


def by_artifact(command: list[str]) -> Detector:
    """The finished program, e.g. ["./build.sh", "count"]: given many files at a time, it prints a line of JSON for each.

    Raises RuntimeError if it does not answer for each page.
    """

    def run(pages: list[Labelled]) -> Iterator[Found]:
        for start in range(0, len(pages), AT_ONCE):
            some = pages[start : start + AT_ONCE]
            with tempfile.TemporaryDirectory() as folder:
                files = [page.picture(Path(folder) / f"{k:04d}.png") for k, page in enumerate(some)]
                out = subprocess.run(
                    [*command, "--json", "--conf", str(FLOOR), *map(str, files)], stdout=subprocess.PIPE, check=False
                ).stdout
            answers = [json.loads(line) for line in out.splitlines()]
            if len(answers) != len(some) or not all(a["success"] for a in answers):
                raise RuntimeError(f"{' '.join(command)} did not answer for each page: {out[-500:]!r}")
            yield from map(from_result, answers)

    return run


def from_result(result: dict[str, Any]) -> Found:
    """What a result of the detector says, the most confident first; its state is only a sign."""
    found = sorted(result["detections"], key=lambda d: -float(d["confidence"]))
    boxes = np.array([[d["bbox"][k] for k in ("x1", "y1", "x2", "y2")] for d in found], np.float32).reshape(-1, 4)
    confidence = np.array([d["confidence"] for d in found], np.float32)
    inner = confidence.clip(0.0005, 0.9995)  # results hold three decimals
    state = np.array([1.0 if d["class"] == "filled_checkbox" else -1.0 for d in found], np.float32)
    logit = np.log(inner / (1 - inner)).astype(np.float32)
    return Found(boxes, logit, state, np.stack([logit, logit], 1), 0 * logit)


PARTED = {"clean200", "styles"}  # sets whose parts are told apart as well, by what their pages' names begin with


def measure(
    folder: Path, detector: Detector, conf: float, only: list[str] | None = None, limit: int | None = None
) -> dict[str, Tally]:
    """Run a detector over every page of every set under `folder`, or over the first `limit` pages of each.

    A set is a folder with labelled pages; if `folder` holds some itself, it is the only set.
    """
    tallies: dict[str, Tally] = {}
    for set_folder in [folder] if labelled(folder) else sorted(p for p in folder.iterdir() if p.is_dir()):
        if only and set_folder.name not in only:
            continue
        pages = labelled(set_folder)[:limit]
        for page, found in zip(pages, detector(pages), strict=True):
            names = [set_folder.name]
            if set_folder.name in PARTED:
                names.append("  " + page.path.name.split("_")[0])
            for name in names:
                tallies.setdefault(name, Tally()).add(page, found, conf)
    return tallies


def table(tallies: dict[str, Tally]) -> str:
    """A markdown table, a line a set."""
    lines = [
        "| set | pages | boxes | recall | precision | state right | exact pages | mean IoU | mAP@0.5 | GFLOP a page |"
    ]
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, tally in tallies.items():
        r = tally.row()
        values = " | ".join(f"{r[k]:.3f}" for k in ("recall", "precision", "state", "exact", "iou", "map50"))
        work = f"{r['gflop']:.2f}" if tally.work else "-"  # the finished program does not say
        lines.append(f"| {name} | {r['pages']:.0f} | {r['boxes']:.0f} | {values} | {work} |")
    return "\n".join(lines)


# ---- calibration ---------------------------------------------------------------------------------------------------


def logistic(seen: Floats, good: NDArray[np.bool_], weight: Floats) -> list[float]:
    """Weights of the columns of `seen` [n,k] and an offset such that the sigmoid of their sum is the share of good ones.

    Weighted maximum likelihood by Newton's method; with one column this is Platt scaling.
    """
    x = np.concatenate([seen, np.ones((len(seen), 1))], 1).astype(np.float64)
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (weight * (good - p))
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(w))
        step = np.linalg.solve(hessian, gradient)
        w += step
        if np.abs(step).max() < 1e-8:
            break
    return [float(v) for v in w]


def reliability(p: Floats, good: NDArray[np.bool_], bins: int = 10) -> tuple[float, str]:
    """Expected calibration error over equal bins, and the reliability table.

    Without the lowest bin: hundreds of thousands of places that are no box and get nearly nothing would hide the rest.
    """
    error, lines = 0.0, ["| confidence | boxes | mean confidence | right |", "| --- | --- | --- | --- |"]
    which = (p * bins).astype(int).clip(0, bins - 1)
    rated = max(1, int((which > 0).sum()))
    for k in range(1, bins):
        mine = which == k
        if mine.any():
            mean, share = float(p[mine].mean()), float(good[mine].mean())
            error += int(mine.sum()) / rated * abs(mean - share)
            lines.append(f"| {k / bins:.1f} to {(k + 1) / bins:.1f} | {mine.sum()} | {mean:.3f} | {share:.3f} |")
    return error, "\n".join(lines)


# Sets that choose neither calibration nor threshold nor bias: one of pages on which an earlier network saw something, which says little of
# how often it goes wrong, three that are to stay blind, two that judge how a page is brought to size and upright, pieces or worn
# copies of others, and one in which rare styles are as frequent as others. (`LONE` was chosen by hand, with a look at `interfaces` and `demos`.)
ASIDE = {"desktop", "crates", "interfaces", "demos", "large", "turned", "small", "faded", "through", "photo", "styles"}
NOISE = 0.010  # of the share of exact pages, as the mean over the sets, between two seeds (see MODEL_CARD.md)

THRESHOLDS = tuple(step / 20 for step in range(4, 18))  # of calibrated confidence
ROUNDS = 8  # of a fit in turns: after four it swings between two fits, 0.04 apart in the weight of a network and 0.2 in the others
# What a box that is alone is given back of what the fit holds against it, and one among others not (sweep in HISTORY.md): nearly all
# pages of the sets are ones on which something was seen, boxes or not, and far more of them have none than of what people will drop.
# What costs least for what it gives on `demos` and `interfaces`; from 1.30 on, precision on `web` is below 0.995.
LONE = 0.90
BIASES = tuple(step / 4 for step in range(-2, 9))  # added to the logit of "filled"


def whole_sets(tallies: dict[str, Tally]) -> list[Tally]:
    """The sets with boxes, without those put ASIDE and those that are part of another."""
    return [t for name, t in tallies.items() if not name.startswith(" ") and name not in ASIDE and t.truth]


def calibration(tallies: dict[str, Tally]) -> dict[str, float]:
    """How the logits of finder and verifier, and the others on the page, make one that is a probability's; each set weighs the same.

    To be measured without a floor: what is hardly a box belongs to the curve as well. Which others count depends on the weights,
    and these on the others: fitted in turns.
    """
    sets = whole_sets(tallies)
    good = [np.concatenate(t.good) for t in sets]
    weight = np.concatenate([np.full(len(x), 1.0 / max(1, len(x)), np.float32) for x in good])
    numbers = {"finder": 0.5, "verifier": 1.0, "alike": 0.0, "offset": 0.0}
    for _ in range(ROUNDS):
        borne_out = [
            np.column_stack([found.seen, alike(by_itself(found.seen, numbers), found.boxes)])[counts]
            for t in sets
            for found, counts in t.found
        ]
        fitted = logistic(np.concatenate(borne_out), np.concatenate(good), (weight / weight.mean()).astype(np.float32))
        numbers = dict(zip(numbers, fitted, strict=True))
    numbers["offset"] += LONE
    numbers["alike"] -= LONE
    return {name: round(value, 4) for name, value in numbers.items()}


def operating_point(tallies: dict[str, Tally]) -> dict[str, object]:
    """Threshold and state bias from the sets; each set weighs the same. Prints how well the calibration holds.

    Of those with which as many pages have both counts right as with the best, as the mean over the sets and within what two seeds differ
    (NOISE), the threshold nearest to 0.5, where a box is as likely as not, and the least bias.
    """
    sets = whole_sets(tallies)
    logit = np.concatenate([found.logit[counts] for t in sets for found, counts in t.found])
    good = np.concatenate([part for t in sets for part in t.good])
    error, text = reliability((1 / (1 + np.exp(-logit))).astype(np.float32), good)
    print(f"expected calibration error {error:.4f}\n{text}")
    share: dict[tuple[float, float], float] = {}
    print(f"pages exact, as the mean over the sets, by threshold and by state bias {BIASES}")
    for threshold in THRESHOLDS:
        for bias in BIASES:
            exact = [t.exact_from(float(np.log(threshold / (1 - threshold))), bias) for t in sets]
            share[threshold, bias] = float(np.mean(exact))
        print(f"{threshold:.2f}: " + " ".join(f"{share[threshold, bias]:.4f}" for bias in BIASES))
    best = round(max(share.values()), 3)
    alike_good = [chosen for chosen in share if round(share[chosen] + NOISE, 3) >= best]
    conf, bias = min(alike_good, key=lambda chosen: (abs(chosen[0] - 0.5), abs(chosen[1])))
    return {"conf": conf, "filled_bias": bias}


# ---- pictures ------------------------------------------------------------------------------------------------------


def annotate(page: Labelled, found: Found, to: NDArray[np.intp], ignored: NDArray[np.bool_], out: Path) -> None:
    """Green: right; orange: wrong state; magenta: no box there; red: missed; grey: ignored."""
    image = cv2.cvtColor(page.image(), cv2.COLOR_GRAY2BGR)
    thick = max(1, round(max(image.shape) / 1000))

    def rectangle(box: Floats, colour: tuple[int, int, int]) -> None:
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(image, (x1 - 2, y1 - 2), (x2 + 1, y2 + 1), colour, thick)

    for i, box in enumerate(page.boxes):
        if page.states[i] == IGNORE:
            rectangle(box, (150, 150, 150))
        elif i not in to:
            rectangle(box, (0, 0, 255))
    for i, box in enumerate(found.boxes):
        if to[i] >= 0:
            right = (found.state[i] > 0) == (page.states[to[i]] == FILLED)
            rectangle(box, (0, 170, 0) if right else (0, 140, 255))
        elif not ignored[i]:
            rectangle(box, (255, 0, 255))
    cv2.imwrite(str(out), image)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the networks on pages kept from training.")
    parser.add_argument(
        "--networks", type=Path, default=HERE, help="folder of finder.onnx, verifier.onnx, checkbox.json"
    )
    parser.add_argument(
        "--sets", type=Path, default=SETS, help="folder of sets, or one folder of labelled pages (see `labelled`)"
    )
    parser.add_argument(
        "--artifact", metavar="COMMAND", help='measure the finished program instead, e.g. "./build.sh count"'
    )
    parser.add_argument("--limit", type=int, help="only the first pages of each set")
    parser.add_argument("--only", help="names of sets, separated by commas")
    parser.add_argument("--corpus", type=Path, help="the form corpus (see model/corpus.py)")
    parser.add_argument("--conf", type=float, help="instead of the one in checkbox.json")
    parser.add_argument("--worst", type=Path, help="folder for pictures of the worst pages")
    parser.add_argument("--worst-count", type=int, default=4)
    parser.add_argument(
        "--calibrate",
        type=Path,
        help="fit the calibration first; write it, conf and filled_bias here, for model.export --settings",
    )
    args = parser.parse_args()
    if args.calibrate is not None and args.artifact:
        parser.error("--calibrate is for the networks alone: the artifact's numbers are built in")
    if args.sets == SETS:
        build(args.sets, corpus.corpus_root(args.corpus))
    numbers = settings(args.networks / "checkbox.json")
    conf = numbers["conf"] if args.conf is None else args.conf
    only = args.only.split(",") if args.only else None
    run = networks(args.networks)
    if args.calibrate is not None:
        numbers["filled_bias"] = 0.0
        numbers["calibration"] = calibration(measure(args.sets, by_network(run, numbers, 0.0), conf, only, args.limit))
        print(f"calibration: {numbers['calibration']}")
    detector = by_artifact(args.artifact.split()) if args.artifact else by_network(run, numbers)
    tallies = measure(args.sets, detector, conf, only, args.limit)
    print(table(tallies))
    if args.worst is not None:
        args.worst.mkdir(parents=True, exist_ok=True)
        for name, tally in tallies.items():
            ranked = sorted(tally.worst, key=lambda w: -w[0])[: args.worst_count]
            for k, (errors, page, found, to, ignored) in enumerate(ranked):
                if errors and not name.startswith(" "):
                    annotate(page, found, to, ignored, args.worst / f"{name}_{k}_{errors}_{page.path.stem}.png")
    if args.calibrate is not None:
        chosen = {"calibration": numbers["calibration"], **operating_point(tallies)}
        args.calibrate.write_text(json.dumps(chosen, indent=2) + "\n")


if __name__ == "__main__":
    main()
