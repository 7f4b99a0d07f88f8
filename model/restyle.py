"""Other boxes in the places of a real form's own: what real forms lack in styles of boxes, drawn pages have, and the reverse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.canvas import DARK, Canvas, box_style_of, draw_box, may_be_on_screen, random_box_style
from model.fonts import FontBook
from model.page import EMPTY, FILLED, Page

Rng = np.random.Generator
MARGIN = 0.08  # of a box's side around it that is wiped with it: antialiasing and shadows


def restyle(page: Page, filled: NDArray[np.bool_], rng: Rng, fonts: FontBook, kind: str | None = None) -> Page:
    """The grey page with its empty boxes wiped and drawn anew, all in one random style and `filled` [n] of them marked.

    kind: one of `canvas.BOX_KINDS`, whose mark is then no solid square (on dark ground "none" for those no screen has); without, each is as frequent as on drawn pages.
    """
    empty = page.states == EMPTY
    if not empty.any():
        return page
    canvas = Canvas.over(page.image)
    sizes = page.boxes[:, 2:] - page.boxes[:, :2]
    side = float(np.median(sizes[empty].min(1)))
    places = [_place(page.image, box, side) for box in page.boxes[empty]]
    paper = float(np.median([ground for _, ground in places]))
    dark = paper < DARK  # dark ink there made black blocks of boxes
    ink, screen = float(rng.uniform(190, 255) if dark else rng.uniform(0, 70)), dark or bool(rng.random() < 0.4)
    if kind is None:
        style = random_box_style(rng, side, ink, paper, screen, fonts.symbols)
    else:
        if dark and not may_be_on_screen(kind, True):
            kind = "none"  # toolkits for games and tools paint boxes without a line
        style = box_style_of(kind, rng, side, ink, paper, may_be_on_screen(kind, screen), fonts.symbols)
        if style.mark == "solid":  # which is as often the coloured square of a legend, and no checkbox
            style = replace(style, mark="inset")
    face = fonts.pick(rng)
    scale = rng.uniform(0.85, 1.1)
    boxes, states = page.boxes.copy(), page.states.copy()
    for i, (patch, ground) in zip(np.flatnonzero(empty), places, strict=True):
        x1, y1, x2, y2 = (float(v) for v in page.boxes[i])
        patch[...] = np.uint8(ground)
        own = min(x2 - x1, y2 - y1) * scale
        at = (x1 + x2) / 2 - own / 2, (y1 + y2) / 2 - own / 2
        style, boxes[i] = draw_box(canvas, *at, own, style, bool(filled[i]), rng, fonts.symbols, face)
        states[i] = FILLED if filled[i] else EMPTY
    return Page(page.image, boxes, states)


def _place(image: NDArray[np.uint8], box: NDArray[np.float32], side: float) -> tuple[NDArray[np.uint8], float]:
    """What is to be wiped for a box [4], a view of the image, and the grey of the paper at its edge."""
    gap = MARGIN * side + 1
    left, top = (max(0, int(v - gap)) for v in box[:2])
    right, bottom = (int(np.ceil(v + gap)) for v in box[2:])
    patch = image[top:bottom, left:right]
    return patch, float(np.median(np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])))
