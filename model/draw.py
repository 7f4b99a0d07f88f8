"""Keeps writing pages to disk, so that drawing never holds up the training, which reads what is there.

    python -m model.draw --kind corpus --count 3000 --out model/work/pages --seed 1
    python -m model.draw --kind drawn  --count 3000 --out model/work/pages --seed 1
    python -m model.draw --kind screens --count 1500 --out model/work/pages --seed 1

One process, one page after the other; start one of each kind and let them run beside the training at low priority
(`nice -n 19`); with --keep the oldest pages make room for the new ones.  The pages, grey and at about the network's
scale, go to OUT/KIND.
"""

from __future__ import annotations

import argparse
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model import corpus
from model.degrade import degrade
from model.fonts import book
from model.marks import draw_mark, draw_stray, random_hand
from model.page import EMPTY, FILLED, IGNORE, Page, pages_in, remove, save
from model.pages import draw_page
from model.restyle import restyle

LONG_SIDE = (
    1280  # the long side that STORED and the sizes of drawn pages refer to; the pipeline reads pages at 952 and 1600
)
STORED = (1.05, 1.3)  # times LONG_SIDE: a little larger, so that the crops' own rescaling seldom enlarges
MAX_ENLARGEMENT = 3.0
RESTYLED = 0.4  # of the form pages have boxes of another style in the places of their own
KINDS = ("corpus", "drawn", "screens")
MAX_ASPECT = 1.6  # longer pages are cut in tiles, so their short side is what counts

Rng = np.random.Generator


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma (0.299, 0.587, 0.114) of an RGB picture; a grey one as it is."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def to_scale(page: Page, factor: float) -> Page:
    """The page in grey as the pipeline would scale it, times `factor`."""
    grey = to_grey(page.image)
    h, w = grey.shape
    long_side = min(max(h, w), MAX_ASPECT * min(h, w))
    scale = min(LONG_SIDE / long_side, MAX_ENLARGEMENT) * factor
    size = max(32, round(w * scale)), max(32, round(h * scale))
    resized = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    ratio = np.array([size[0] / w, size[1] / h] * 2, np.float32)
    return Page(resized, page.boxes * ratio, page.states)


def mark(page: Page, share: float, rng: Rng) -> Page:
    """Fill about `share` of the empty boxes by pen, all in one hand, and let strays touch a few; in place."""
    boxes = page.boxes
    if not len(boxes):
        return page
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    hand = random_hand(rng, float(np.median(sides)))
    chosen = (page.states == EMPTY) & (rng.random(len(boxes)) < share)
    for i in np.flatnonzero(chosen):
        apart = np.hypot(*(centres - centres[i]).T)
        apart[i] = np.inf
        # Real ticks run past the neighbours' outlines, so the distance to the next box is no strict limit.
        room = float(np.clip(apart.min() / sides[i] * rng.uniform(0.8, 3.0), 1.0, 6.0))
        draw_mark(page.image, boxes[i], rng, hand if rng.random() < 0.9 else None, room=room)
        page.states[i] = FILLED
    if rng.random() < 0.3:
        for i in np.flatnonzero(page.states != IGNORE):
            if rng.random() < 0.12:
                draw_stray(page.image, boxes[i], rng)
    return page


def from_form(form: corpus.Form, rng: Rng) -> Page:
    """A form page at a random resolution, with its own boxes or others in their places, partly filled by its own marks, by pen, or both, then degraded."""
    long_side = int(np.exp(rng.uniform(np.log(950), np.log(2300))))
    kind = rng.choice(4, p=[0.12, 0.33, 0.4, 0.15])  # as it is, printed marks, pen, both
    share = float(rng.choice([0.1, 0.3, 0.5, 0.8]))
    printed = rng.random(len(form.boxes)) < (share if kind in (1, 3) else 0.0)
    if rng.random() < RESTYLED:
        page = restyle(form.page(long_side, np.zeros_like(printed)), printed, rng, book(0))
    else:
        page = form.page(long_side, printed)
    if kind >= 2:
        mark(page, share, rng)
    return degrade(page, rng)


def corpus_pages(root: Path, rng: Rng) -> Iterator[Page]:
    """Endless pages of the training sources; pages without a box come up in one round of three, bubble sheets in each."""
    pages = [e for e in corpus.entries(root) if corpus.held_out_set(e.source) is None]
    sheets = sorted((root / "images" / "bubble_sheets").glob("*.*g"))
    bare: set[tuple[Path, int]] = set()
    round_number = 0
    while True:
        order: list[corpus.Entry | Path] = [*pages, *sheets]
        for k in rng.permutation(len(order)):
            item = order[int(k)]
            if isinstance(item, Path):
                picture = np.asarray(Image.open(item).convert("RGB"))
                none = np.zeros((0, 4), np.float32)
                yield degrade(to_scale(Page(picture, none, np.zeros(0, np.int8)), rng.uniform(0.9, 1.4)), rng)
                continue
            key = (item.path, item.index)
            if key in bare and (round_number + k) % 3:
                continue
            for form in corpus.forms([item]):
                if not any(b.off != IGNORE for b in form.boxes):
                    bare.add(key)
                yield from_form(form, rng)
        round_number += 1


def drawn_pages(rng: Rng) -> Iterator[Page]:
    """Endless drawn pages, degraded."""
    while True:
        yield degrade(draw_page(rng), rng)


def drawn_screens(rng: Rng) -> Iterator[Page]:
    """Endless drawn screenshots, with real icons if `model.icons` has collected some; half of them degraded."""
    while True:
        page = draw_page(rng, screens=1.0)
        yield degrade(page, rng) if rng.random() < 0.5 else page


def main() -> None:
    parser = argparse.ArgumentParser(description="Write pages with labels for training.")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "work" / "pages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=int, help="delete the oldest pages of the folder beyond this many")
    parser.add_argument("--corpus", type=Path, help="the form corpus (see model/corpus.py)")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng([args.seed, KINDS.index(args.kind)])
    if args.kind == "corpus":
        root = corpus.corpus_root(args.corpus)
        if root is None:
            raise SystemExit(corpus.ABSENT)
        source = corpus_pages(root, rng)
    else:
        source = drawn_pages(rng) if args.kind == "drawn" else drawn_screens(rng)
    folder = args.out / args.kind
    folder.mkdir(parents=True, exist_ok=True)
    old = deque(sorted(pages_in(folder), key=lambda p: p.stat().st_mtime))
    for i in range(args.count):
        name = f"{args.seed:04d}_{os.getpid()}_{i:06d}"
        save(to_scale(next(source), float(rng.uniform(*STORED))), folder, name)
        old.append(folder / f"{name}.npy")
        while args.keep is not None and len(old) > args.keep:
            remove(old.popleft())


if __name__ == "__main__":
    main()
