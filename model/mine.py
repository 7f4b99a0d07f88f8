"""Finds what a finder, with the exported verifier behind it, still gets wrong on the training pages, for training to show more often.

    python -m model.mine --checkpoint model/work/run/last.pt --count 4000

For each page looked at, NAME.hard.npy beside it holds float32 [m,2]: the centres, in the page's pixels, of boxes missed,
boxes found where there is none, and boxes with the wrong state.  No errors, no file.  `model.dataset` cuts a share of its
crops around such places (Shrivastava et al. 2016 call the like of it online hard example mining; here it is off line).
Run it again as the network learns: each run looks at pages picked at random and replaces what was known of them.

Labels of real forms are not perfect: look at `model.errors --sets model/work/pages` before trusting what is mined.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model import checkpoint
from model.detect import Networks, detect, networks, onnx_runner, settings
from model.evaluate import match
from model.export import finder_onnx
from model.page import EMPTY, FILLED, IGNORE, pages_in

HERE = Path(__file__).parent
CONF = 0.3  # found means at least this confident: below the threshold of use, since what is nearly wrong teaches too
LEAST_IOU = 0.5

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


def errors(page: Grey, labels: Floats, run: Networks, numbers: dict[str, Any]) -> Floats:
    """Centres [m,2] of what the networks get wrong on a page [H,W] with labels [n,5]."""
    boxes, states = labels[:, :4], labels[:, 4].astype(np.int8)
    found = detect(page, run, numbers, CONF)
    to, ignored = match(found.boxes, boxes, states, LEAST_IOU)
    said = np.where(found.state > 0, FILLED, EMPTY)
    false = (to < 0) & ~ignored
    swapped = (to >= 0) & (said != states[np.maximum(to, 0)]) if len(boxes) else np.zeros(len(to), bool)
    missed = (states != IGNORE) & ~np.isin(np.arange(len(boxes)), to)
    wrong = np.concatenate([found.boxes[false | swapped], boxes[missed]]).reshape(-1, 4)
    return ((wrong[:, :2] + wrong[:, 2:]) / 2).astype(np.float32)


def mine(folder: Path, run: Networks, numbers: dict[str, Any], count: int, rng: np.random.Generator) -> tuple[int, int]:
    """Look at `count` pages of a folder; returns how many have errors and how many errors there are."""
    pages = pages_in(folder)
    hard = total = 0
    for k in rng.permutation(len(pages))[:count]:
        picture = pages[int(k)]
        try:
            page, labels = np.load(picture), np.load(picture.with_suffix(".boxes.npy"))
        except FileNotFoundError:  # drawn anew meanwhile
            continue
        centres = errors(page, labels, run, numbers)
        path = picture.with_suffix(".hard.npy")
        path.unlink(missing_ok=True)
        if len(centres):
            np.save(path, centres)
            hard, total = hard + 1, total + len(centres)
    return hard, total


def main() -> None:
    parser = argparse.ArgumentParser(description="Mark the places of the training pages that a finder gets wrong.")
    parser.add_argument("--checkpoint", type=Path, default=HERE / "work" / "run" / "last.pt")
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages", help="folder of folders of pages")
    parser.add_argument("--count", type=int, default=2000, help="pages of each folder to look at")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    finder = onnx_runner(finder_onnx(checkpoint.load(args.checkpoint)).SerializeToString())
    run = networks()._replace(finder=finder)
    rng = np.random.default_rng(args.seed)
    for folder in sorted(p for p in args.pages.iterdir() if p.is_dir()):
        hard, total = mine(folder, run, settings(), args.count, rng)
        print(f"{folder.name}: {total} errors on {hard} pages", flush=True)


if __name__ == "__main__":
    main()
