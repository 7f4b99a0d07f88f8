"""Pages of a single style of box each, plainly printed: the set `styles`, which shows a style that is got wrong as a whole.

Sets of real pages hold few styles, and those of drawn pages all of them at once, so that what is wrong with one hides among the others:
up to 0.24.0 half the empty boxes with a thick outline were called filled and a quarter of those with a double one, which showed on no more
than three pages of the set `other`.  Here each kind of style has as many pages; text and boxes in columns, no degradation, faces kept for validation.
"""

from __future__ import annotations

import numpy as np

from model.canvas import DARK, Canvas, box_style_of, draw_box, may_be_on_screen
from model.fonts import FontBook, Words, fitted
from model.page import EMPTY, FILLED, Page

Rng = np.random.Generator
PAPER, SCREEN = (1275, 1650), (1200, 800)  # width and height of what is printed and what is on screens


def styled_page(kind: str, rng: Rng, fonts: FontBook) -> Page:
    """A page in grey of boxes of one style, of this kind, four in ten of them marked; every other kind of page a screen's.

    `shaded` boxes are on screens only, `open` ones and those drawn by `hand` on paper only.
    """
    screen = may_be_on_screen(kind, bool(rng.random() < 0.5))
    width, height = SCREEN if screen else PAPER
    light, dark = (215.0, 255.0), (15.0, 60.0)
    paper = float(rng.uniform(*(dark if screen and rng.random() < 0.3 else light))) if rng.random() < 0.5 else 255.0
    ink = float(rng.uniform(190, 255) if paper < DARK else rng.uniform(0, 60))
    side = float(rng.uniform(11, 26 if screen else 36))
    style = box_style_of(kind, rng, side, ink, paper, screen, fonts.symbols)
    face = fonts.pick(rng)
    font, words = face.font(max(11, round(0.9 * side))), Words(rng, face, "latin")
    canvas = Canvas(width, height, round(paper))
    boxes: list[tuple[float, float, float, float]] = []
    states: list[int] = []
    for y in np.arange(50, height - 60, 2.2 * side + 20).tolist():
        for x in (80, 80 + width // 3, 80 + 2 * width // 3):
            if rng.random() < 0.35:
                continue
            filled = bool(rng.random() < 0.4)
            left, top = x + float(rng.random()), y + float(rng.random())
            style, edges = draw_box(canvas, left, top, side, style, filled, rng, fonts.symbols, face)
            boxes.append(edges)
            states.append(FILLED if filled else EMPTY)
            room = width / 3 - 3 * side  # as far as the next column's box
            text = fitted(words.phrase(int(rng.integers(1, 4))), font, room)
            canvas.text(x + 1.6 * side, y + 0.85 * side, text, font, ink)
    return Page(canvas.image, np.array(boxes, np.float32).reshape(-1, 4), np.array(states, np.int8))
