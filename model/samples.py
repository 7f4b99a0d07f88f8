"""Writes drawn pages as pictures with labels, for tests and for people to look at.

    python -m model.samples --seeds 1,2,3,4+5+6 --out detector/tests/pages

4+5+6 is one large picture of several screens. NAME.png and NAME.json in the form that `model.evaluate --sets` reads.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from model.degrade import degrade
from model.draw import to_grey
from model.page import FILLED, IGNORE, Page
from model.pages import draw_page


def write(page: Page, folder: Path, name: str) -> None:
    """One page as a grey PNG and its labels."""
    cv2.imwrite(str(folder / f"{name}.png"), to_grey(page.image), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    boxes: list[dict[str, object]] = []
    for box, state in zip(page.boxes, page.states, strict=True):
        label: dict[str, object] = {"bbox": [round(float(v), 1) for v in box]}
        label["state"] = "checked" if state == FILLED else "unchecked"
        if state == IGNORE:
            label["ambiguous"] = True
        boxes.append(label)
    height, width = page.image.shape[:2]
    text = ",\n    ".join(json.dumps(b) for b in boxes)
    (folder / f"{name}.json").write_text(
        f'{{\n  "image": "{name}.png", "width": {width}, "height": {height},\n  "boxes": [\n    {text}\n  ]\n}}\n'
    )


def together(pages: list[Page]) -> Page:
    """Pages side by side, two to a row, as one large grey picture whose boxes are no larger for it."""
    grey = [to_grey(page.image) for page in pages]
    height, width = (max(image.shape[axis] for image in grey) for axis in (0, 1))
    image = np.full((-(-len(pages) // 2) * height, 2 * width), 255, np.uint8)
    boxes = []
    for i, (part, page) in enumerate(zip(grey, pages, strict=True)):
        x, y = i % 2 * width, i // 2 * height
        image[y : y + part.shape[0], x : x + part.shape[1]] = part
        boxes.append(page.boxes + np.array([x, y, x, y], np.float32))
    return Page(image, np.concatenate(boxes), np.concatenate([page.states for page in pages]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write drawn pages as pictures with labels.")
    parser.add_argument(
        "--seeds", required=True, help="one page for each, separated by commas; a+b is one large picture"
    )
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds.split(","):
        first, *others = (np.random.default_rng(int(part)) for part in seed.split("+"))
        if others:
            screens = [draw_page(rng, screens=1.0) for rng in (first, *others)]
            write(together(screens), args.out, f"large-{seed.split('+')[0]}")
        else:
            write(degrade(draw_page(first), first), args.out, f"drawn-{int(seed):03d}")


if __name__ == "__main__":
    main()
