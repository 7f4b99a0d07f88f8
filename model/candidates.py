"""Cuts out what the finder takes for boxes on the training pages: what the verifier learns from.

    python -m model.candidates --count 6000

The finder looks at each page once, at a random size about that of its use and often with the contrast changed.  What it
proposes is cut out of the page as it is on disk: a square of CUT pixels in which the candidate's longer side is SIDE pixels, and
one of WIDE_CUT pixels in which it is WIDE.  So are the boxes that it misses.

Written are files FOLDER-SEED-START.npz, each of what lies on PART pages of one folder:
    crops   uint8 [n,CUT,CUT], 255 paper
    wide    uint8 [n,WIDE_CUT,WIDE_CUT]
    boxes   float32 [n,4], the true box in pixels of the crop, 0 where there is none
    label   int8 [n], EMPTY, FILLED or NONE
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model import checkpoint, detect
from model.dataset import Rng, spoil
from model.detect import Floats, Grey, Runner, iou, onnx_runner, settings, squares, working_size
from model.export import finder_onnx
from model.page import EMPTY, FILLED, IGNORE, pages_in
from model.verifier import WIDE

HERE = Path(__file__).parent
NONE = -1  # label of what is no box
LABELS = (NONE, EMPTY, FILLED)
CUT, SIDE = 136, 26.0  # px; a little more than the verifier sees, and finer, so that training can shift and scale it
WIDE_CUT = 116  # px
SAME, OTHER = 0.4, 0.25  # IoU with a box from which a candidate shows it, and below which it shows none
MOST = 48  # candidates of a page: on pages of hundreds of boxes they are much alike
PART = 500  # pages to a file

Labels = NDArray[np.int8]


def candidates(page: Grey, finder: Runner, numbers: dict[str, Any], rng: Rng) -> Floats:
    """What the finder proposes on a page [H,W] that it sees a little otherwise than in use: boxes [n,4] in the page's pixels."""
    height, width = page.shape
    scale = {**numbers["scale"], "long_side": int(numbers["scale"]["long_side"] * rng.uniform(0.85, 1.2))}
    size = working_size(width, height, scale)
    shown = cv2.resize(page, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    if rng.random() < 0.6:
        shown = spoil(shown, rng)
    return detect.candidates(shown, (width, height), finder, {**numbers, "scale": scale}).boxes


def labelled(page: Grey, labels: Floats, found: Floats, rng: Rng) -> tuple[Grey, Grey, Floats, Labels]:
    """What a page [H,W] with labels [k,5] shows at the candidates [m,4] and at the boxes among the labels that they miss.

    Returns crops, wide, boxes and label as they are written (see the module's text), at most MOST.  Left out is what overlaps a box too
    little to show it and too much to show none, what shows an ignored box, and what lies in one.
    """
    boxes, ignored = labels[:, :4], labels[:, 4] == IGNORE
    overlap = iou(found, boxes) if len(boxes) else np.zeros((len(found), 1), np.float32)
    best, to = overlap.max(1), overlap.argmax(1)
    shows = best >= SAME
    none = found[(best < OTHER) & ~centre_inside(found, boxes[ignored])]
    missed = np.setdiff1d(np.arange(len(boxes)), to[shows])
    around, shown = np.concatenate([found[shows], boxes[missed]]), np.concatenate([to[shows], missed])
    wanted = ~ignored[shown]
    around, shown = around[wanted], shown[wanted]
    if len(none) + len(around) > MOST:  # what is no box first, up to a half
        none = none[rng.permutation(len(none))[: MOST // 2]]
        some = rng.permutation(len(around))[: MOST - len(none)]
        around, shown = around[some], shown[some]
    crops, where = squares(page, np.concatenate([none, around]), CUT, SIDE)
    wide, _ = squares(page, np.concatenate([none, around]), WIDE_CUT, WIDE)
    inside = np.zeros((len(crops), 4), np.float32)
    left_top, scale = where[len(none) :, [0, 1, 0, 1]], where[len(none) :, 2:]
    inside[len(none) :] = (boxes[shown] - left_top) * scale
    label = np.concatenate([np.full(len(none), NONE), labels[shown, 4]])
    return crops, wide, inside, label.astype(np.int8)


def centre_inside(found: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """Which of [m,4] have their centre in one of the boxes [k,4]."""
    x, y = ((found[:, :2] + found[:, 2:]) / 2).T[..., None]
    return np.asarray(((boxes[:, 0] < x) & (x < boxes[:, 2]) & (boxes[:, 1] < y) & (y < boxes[:, 3])).any(1))


def cut_out(
    pages: list[Path], finder: Runner, numbers: dict[str, Any], rng: Rng, path: Path
) -> tuple[int, float] | None:
    """Write the file `path` of what lies on the pages; returns how many candidates and which share is no box."""
    parts = []
    for picture in pages:
        try:
            page, labels = np.load(picture), np.load(picture.with_suffix(".boxes.npy"))
        except FileNotFoundError:  # drawn anew meanwhile
            continue
        parts.append(labelled(page, labels, candidates(page, finder, numbers, rng), rng))
    if not parts:
        return None
    crops, wide, boxes, label = (np.concatenate(part) for part in zip(*parts, strict=True))
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, crops=crops, wide=wide, boxes=boxes, label=label)
    os.replace(part, path)  # so that training, which may run beside this, never reads half of it
    return len(label), float((label == NONE).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Cut the finder's candidates out of the training pages.")
    parser.add_argument("--finder", type=Path, default=HERE / "finder.onnx", help="its export or checkpoint")
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages", help="folder of folders of pages")
    parser.add_argument("--out", type=Path, default=HERE / "work" / "candidates")
    parser.add_argument("--count", type=int, default=6000, help="pages of each folder to look at")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    finder = onnx_runner(finder_onnx(checkpoint.load(args.finder)).SerializeToString())
    numbers = settings()
    rng = np.random.default_rng(args.seed)
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    picked: dict[str, list[Path]] = {}
    for folder in sorted(p for p in args.pages.iterdir() if p.is_dir()):
        pages = pages_in(folder)
        picked[folder.name] = [pages[int(k)] for k in rng.permutation(len(pages))[: args.count]]
    # Training reads new files as they appear.  Small files, of each folder in turn, let it start early and with some of all.
    for start in range(0, args.count, PART):
        for name, pages in picked.items():
            if some := pages[start : start + PART]:
                written = cut_out(some, finder, numbers, rng, args.out / f"{name}-{args.seed}-{start}.npz")
                if written is not None:
                    print(f"{name}: {written[0]} candidates on {len(some)} pages, {written[1]:.2f} none", flush=True)


if __name__ == "__main__":
    main()
