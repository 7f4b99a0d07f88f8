"""A page in the making: what its parts share (``Look``) and helpers to set text and boxes (``Sheet``)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from model.canvas import BoxStyle, Canvas, draw_box, random_box_style
from model.fonts import LATIN, SCRIPTS, SHAPED, Face, Font, FontBook, Words
from model.page import EMPTY, FILLED, IGNORE, Page

Rng = np.random.Generator


@dataclass
class Look:
    """What a page has in common.

    paper, ink: greys.  size: of the text in pixels.  face, bold: of the page's script; latin: for what these lack.
    shaped: whether the script needs the shaping engine.  style, side: of the boxes.  gap: between box and label.
    lead: line pitch in text sizes.  screen: a screenshot, not paper.  rtl: labels stand left of their boxes.
    printed: boxes are filled by printed marks, a ``share`` of them.
    """

    paper: float
    ink: float
    size: int
    face: Face
    bold: Face
    latin: Face
    words: Words
    shaped: bool
    style: BoxStyle
    side: float
    gap: float
    lead: float
    screen: bool
    rtl: bool
    printed: bool
    share: float

    @property
    def dark(self) -> bool:
        """Light on dark."""
        return self.paper < 110

    def tint(self, amount: float) -> float:
        """The paper's grey moved ``amount`` (0..1) toward the ink."""
        return self.paper + (self.ink - self.paper) * amount


def random_look(rng: Rng, fonts: FontBook, screen: bool) -> Look:
    """Greys, faces, sizes and box style for one page."""
    if screen:
        dark = rng.random() < 0.35
        paper = float(rng.uniform(10, 60)) if dark else float(rng.choice([255, 250, 245, 240, 236, 212, 192]))
        ink = float(rng.uniform(190, 255)) if dark else float(rng.uniform(0, 90))
    else:
        paper = 255.0 if rng.random() < 0.75 else float(rng.uniform(205, 254))
        ink = 0.0 if rng.random() < 0.6 else float(rng.uniform(10, 110))
        if rng.random() < 0.02:
            paper, ink = float(rng.uniform(0, 60)), float(rng.uniform(200, 255))
    script = "latin" if rng.random() < 0.74 else str(rng.choice(sorted(SCRIPTS)))
    face = fonts.pick(rng, script)
    words = Words(rng, face, script)
    latin = face if face.has(LATIN) else fonts.pick(rng)
    size = int(np.clip(rng.lognormal(np.log(15), 0.28), 8, 40))
    side = float(np.clip(size * rng.lognormal(np.log(1.0), 0.26), 8, 60))
    if rng.random() < 0.05:
        side = float(rng.uniform(28, 60))
    style = random_box_style(rng, side, ink, paper, screen, fonts.symbols)
    gap = size * (rng.uniform(0.25, 0.9) if rng.random() < 0.85 else rng.uniform(-0.02, 0.25))
    return Look(
        paper,
        ink,
        size,
        face,
        fonts.bold_of(face, rng),
        latin,
        words,
        words.script in SHAPED,
        style,
        side,
        float(gap),
        float(rng.uniform(1.15, 1.9)),
        screen,
        words.script in ("arabic", "hebrew") or rng.random() < 0.05,
        screen or rng.random() < 0.45,
        float(rng.choice([0.0, 0.12, 0.3, 0.5, 0.9], p=[0.12, 0.3, 0.33, 0.17, 0.08])),
    )


class Sheet:
    """The canvas, the boxes so far (``boxes``, ``states``) and the places where someone may write (``lines``)."""

    def __init__(self, rng: Rng, width: int, height: int, look: Look, fonts: FontBook) -> None:
        self.rng, self.look, self.fonts = rng, look, fonts
        self.canvas = Canvas(width, height, look.paper)
        self.boxes: list[tuple[float, float, float, float]] = []
        self.states: list[int] = []
        self.lines: list[tuple[float, float, float, float]] = []  # x, baseline, width, height

    def font(self, scale: float = 1.0, bold: bool = False, text: str = "") -> Font:
        """The page's font, or its Latin one where ``text`` needs it."""
        face = self.look.bold if bold else self.look.face
        if not face.has(text.replace(" ", "")):
            face = self.look.latin
        return face.font(round(self.look.size * scale), self.look.shaped)

    def text(
        self, x: float, base: float, text: str, scale: float = 1.0, bold: bool = False, grey: float | None = None
    ) -> float:
        """Sets ``text`` from (x, baseline) on; returns where it ends."""
        font = self.font(scale, bold, text)
        return self.canvas.text(x, base, text, font, self.look.ink if grey is None else grey)

    def length(self, text: str, scale: float = 1.0, bold: bool = False) -> float:
        """The width of ``text`` in pixels."""
        return float(self.font(scale, bold, text).getlength(text))

    def fit(self, text: str, room: float, scale: float = 1.0, bold: bool = False) -> str:
        """As many of the text's words as fit into ``room`` pixels, roughly."""
        length = self.length(text, scale, bold)
        if length <= room or not text:
            return text
        keep = max(1, int(len(text) * room / length) - 1)
        cut = text[:keep]
        return cut.rsplit(" ", 1)[0] if " " in cut else cut

    def phrase(self, low: int, high: int, room: float, scale: float = 1.0, bold: bool = False) -> str:
        """``low`` to ``high`` words, cut to ``room`` pixels."""
        return self.fit(self.look.words.phrase(int(self.rng.integers(low, high + 1))), room, scale, bold)

    def box(
        self,
        x: float,
        middle: float,
        side: float | None = None,
        style: BoxStyle | None = None,
        filled: bool | None = None,
    ) -> float:
        """A checkbox whose left edge is x, centred on the line's middle; returns its right edge."""
        side = self.look.side if side is None else side
        style = self.look.style if style is None else style
        if filled is None:
            filled = self.look.printed and self.rng.random() < self.look.share
        top = middle - side / 2
        if self.look.screen:  # programs place boxes on whole pixels, renderings of PDF anywhere
            x, top, side = round(x), round(top), round(side)
        symbols, face = self.fonts.symbols, self.look.face
        drawn = draw_box(self.canvas, x, top, side, style, filled, self.rng, symbols, face)
        if drawn is None:  # the dingbat is no square in this face
            self.look.style = style = replace(style, border="solid")
            drawn = draw_box(self.canvas, x, top, side, style, filled, self.rng, symbols, face)
        if drawn is None:
            raise RuntimeError("a plain box could not be drawn")
        self.boxes.append(drawn)
        self.states.append(FILLED if filled else EMPTY)
        return drawn[2]

    def page(self) -> Page:
        """The page so far; boxes cut by its edge are cut, and ignored where less than two thirds show."""
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        states = np.array(self.states, np.int8)
        h, w = self.canvas.image.shape
        cut = boxes.clip(0, np.array([w, h, w, h], np.float32))
        area = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-6)
        seen = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1]) / area
        states[seen < 0.67] = IGNORE
        keep = seen > 0.02
        return Page(self.canvas.image, cut[keep], states[keep])
