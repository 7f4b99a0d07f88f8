"""Other boxes in the places of a real form's own: what real forms lack in styles of boxes, drawn pages have, and the reverse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.canvas import Canvas, box_style_of, draw_box, may_be_on_screen, random_box_style
from model.fonts import FontBook
from model.page import EMPTY, FILLED, Page

Rng = np.random.Generator
MARGIN = 0.08  # of a box's side around it that is wiped with it: antialiasing and shadows


def restyle(page: Page, filled: NDArray[np.bool_], rng: Rng, fonts: FontBook, kind: str | None = None) -> Page:
    """The grey page with its empty boxes wiped and drawn anew, all in one random style and `filled` [n] of them marked.

    kind: one of `canvas.BOX_KINDS`, whose mark is then no solid square; without, each is as frequent as on drawn pages.
    """
    empty = page.states == EMPTY
    if not empty.any():
        return page
    canvas = Canvas.over(page.image)
    height, width = page.image.shape
    sizes = page.boxes[:, 2:] - page.boxes[:, :2]
    side = float(np.median(sizes[empty].min(1)))
    paper = float(np.median(page.image))
    ink, screen = rng.uniform(0, 70), bool(rng.random() < 0.4)
    if kind is None:
        style = random_box_style(rng, side, ink, paper, screen, fonts.symbols)
    else:
        style = box_style_of(kind, rng, side, ink, paper, may_be_on_screen(kind, screen), fonts.symbols)
        if style.mark == "solid":  # which is as often the coloured square of a legend, and no checkbox
            style = replace(style, mark="inset")
    face = fonts.pick(rng)
    scale = rng.uniform(0.85, 1.1)
    boxes, states = page.boxes.copy(), page.states.copy()
    for i in np.flatnonzero(empty):
        x1, y1, x2, y2 = (float(v) for v in page.boxes[i])
        gap = MARGIN * side + 1
        left, top = max(0, int(x1 - gap)), max(0, int(y1 - gap))
        right, bottom = min(width, int(np.ceil(x2 + gap))), min(height, int(np.ceil(y2 + gap)))
        patch = page.image[top:bottom, left:right]
        rim = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
        patch[...] = np.uint8(np.median(rim))
        own = min(x2 - x1, y2 - y1) * scale
        at = (x1 + x2) / 2 - own / 2, (y1 + y2) / 2 - own / 2
        style, boxes[i] = draw_box(canvas, *at, own, style, bool(filled[i]), rng, fonts.symbols, face)
        states[i] = FILLED if filled[i] else EMPTY
    return Page(page.image, boxes, states)
