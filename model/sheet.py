"""A page in the making: what its parts share (``Look``) and helpers to set text and boxes (``Sheet``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.canvas import DARK, BoxStyle, Canvas, draw_box, random_box_style
from model.fonts import LATIN, SCRIPTS, SHAPED, Face, Font, FontBook, Words, fitted, text_length
from model.lookalikes import LETTERS, radio
from model.page import EMPTY, FILLED, IGNORE, Page

Rng = np.random.Generator

STAND_INS = ("nothing", "radio", "bullet", "rule", "letter", "badge")


@dataclass
class Look:
    """What a page has in common.

    paper, ink: greys.  size: of the text in pixels.  face, bold: of the page's script; latin: for what these
    lack. shaped: whether the script needs the shaping engine.  style, side: of the boxes.  gap: between box
    and label. lead: line pitch in text sizes.  screen: a screenshot, not paper.  rtl: labels stand left of
    their boxes. printed: boxes are filled by printed marks, a ``share`` of them.
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
        return self.paper < DARK

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
        # What stands where boxes would: "box", or on pages without a checkbox something else (see
        # ``_stand_in``).
        self.instead = "box"
        self.boxes: list[tuple[float, float, float, float]] = []
        self.states: list[int] = []
        self.lines: list[tuple[float, float, float, float]] = []  # x, baseline, width, height

    def _face(self, text: str, bold: bool) -> Face:
        """The first of the page's faces that has all of ``text``, or the Latin one."""
        glyphs = text.replace(" ", "")
        for face in (self.look.bold, self.look.face) if bold else (self.look.face,):
            if face.has(glyphs):
                return face
        return self.look.latin

    def _font(self, face: Face, scale: float) -> Font:
        return face.font(round(self.look.size * scale), self.look.shaped)

    def text(
        self,
        x: float,
        base: float,
        text: str,
        scale: float = 1.0,
        bold: bool = False,
        grey: float | None = None,
    ) -> float:
        """Sets ``text`` from (x, baseline) on, less what no face of the page has; returns where it ends."""
        face = self._face(text, bold)
        if face is self.look.latin:
            text = "".join(c for c in text if c == " " or face.has(c))
        return self.canvas.text(x, base, text, self._font(face, scale), self.look.ink if grey is None else grey)

    def length(self, text: str, scale: float = 1.0, bold: bool = False) -> float:
        """The width of ``text`` in pixels."""
        return text_length(text, self._font(self._face(text, bold), scale))

    def fit(self, text: str, room: float, scale: float = 1.0, bold: bool = False) -> str:
        """``fonts.fitted``, in the look's type."""
        return fitted(text, self._font(self._face(text, bold), scale), room)

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
        if self.instead != "box":
            self._stand_in(x, middle, side)
            return x + side
        style = self.look.style if style is None else style
        if filled is None:
            filled = self.look.printed and self.rng.random() < self.look.share
        top = middle - side / 2
        if self.look.screen:  # programs place boxes on whole pixels, renderings of PDF anywhere
            x, top, side = round(x), round(top), round(side)
        symbols, face = self.fonts.symbols, self.look.face
        used, drawn = draw_box(self.canvas, x, top, side, style, filled, self.rng, symbols, face)
        if used is not style:  # the next ones are to look like this one
            self.look.style = used
        self.boxes.append(drawn)
        self.states.append(FILLED if filled else EMPTY)
        return drawn[2]

    def _stand_in(self, x: float, middle: float, side: float) -> None:
        """A circle, a bullet, a rule, a letter in a square or nothing, in the place of a box."""
        c, ink = self.canvas, self.look.ink
        if self.instead == "radio":
            radio(
                c,
                x,
                middle - side / 2,
                side,
                ink,
                self.rng.random() < self.look.share,
                self.rng,
                self.look.paper,
            )
        elif self.instead == "bullet":
            r = 0.18 * side
            c.round_bar(x + side / 2 - r, middle - r, x + side / 2 + r, middle + r, r, ink)
        elif self.instead == "rule":
            c.bar(x, middle + side * 0.4, x + side, middle + side * 0.4 + 1, ink)
        elif self.instead == "letter":
            c.frame(x, middle - side / 2, x + side, middle + side / 2, max(0.7, 0.05 * side), ink)
            letter = LETTERS[int(self.rng.integers(len(LETTERS)))]
            font = self.look.latin.font(round(side * 0.75))
            c.text(x + (side - text_length(letter, font)) / 2, middle + side * 0.27, letter, font, ink)
        elif self.instead == "badge":
            radius = 0.5 * side if self.look.gap < 0.5 * self.look.size else 0.12 * side
            c.round_bar(x, middle - side / 2, x + side, middle + side / 2, radius, ink)
            letter = str(self.rng.integers(1, 10))
            font = self.look.latin.font(round(side * 0.75))
            c.text(
                x + (side - text_length(letter, font)) / 2,
                middle + side * 0.27,
                letter,
                font,
                self.look.paper,
            )

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
