"""Another generator, for validation only: other faces, other layouts, other pens than ``model.pages``.

    python -m model.alt_pages --out sheet.png     # a contact sheet with labels

It shares no drawing code with the training pages (Pillow at two to three times the size, scaled down; marks
are outlines of handwriting faces, splines and hatching) and uses the quarter of the installed type families
that training never sees.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from model.fonts import Face, FontBook, book
from model.page import EMPTY, FILLED, IGNORE, Page

Rng = np.random.Generator
Colour = tuple[int, int, int]

LOREM = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
    "incididunt",
    "ut",
    "labore",
    "et",
    "dolore",
    "magna",
    "aliqua",
    "enim",
    "minim",
    "veniam",
    "quis",
    "nostrud",
    "exercitation",
    "ullamco",
    "laboris",
    "nisi",
    "aliquip",
    "ex",
    "ea",
    "commodo",
    "consequat",
    "duis",
    "aute",
    "irure",
    "in",
    "reprehenderit",
    "voluptate",
    "velit",
    "esse",
    "cillum",
    "fugiat",
    "nulla",
    "pariatur",
    "excepteur",
    "sint",
    "occaecat",
    "cupidatat",
    "non",
    "proident",
    "sunt",
    "culpa",
    "qui",
    "officia",
    "deserunt",
    "mollit",
    "anim",
    "id",
    "est",
    "laborum",
]


@dataclass
class Pen:
    """Colour, width in units of the box's side, and how far marks stray, of this page's writer."""

    colour: Colour
    width: float
    stray: float
    kinds: list[str]


class Draft:
    """A large RGB drawing and the boxes on it."""

    def __init__(self, rng: Rng, fonts: FontBook) -> None:
        self.rng = rng
        self.zoom = float(rng.uniform(2, 3))
        w, h = (int(rng.uniform(700, 1300)), int(rng.uniform(700, 1400)))
        self.dark = rng.random() < 0.1
        paper: Colour = (255, 255, 255)
        if self.dark:
            paper = (30, 32, 38)
        elif rng.random() < 0.3:
            paper = tuple(int(v) for v in rng.integers(222, 256, 3))  # type: ignore[assignment]
        self.paper = paper
        self.ink: Colour = (235, 235, 235) if self.dark else (int(rng.integers(0, 70)),) * 3
        self.image = Image.new("RGB", (int(w * self.zoom), int(h * self.zoom)), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.face: Face = fonts.pick(rng)
        self.hand: Face | None = fonts.hands[int(rng.integers(len(fonts.hands)))] if fonts.hands else None
        self.unit = float(rng.uniform(11, 20)) * self.zoom  # text size
        self.side = self.unit * float(rng.uniform(0.75, 1.6))
        self.line = max(1, round(self.zoom * float(rng.choice([0.7, 1.0, 1.5, 2.2, 3.0]))))
        self.edge = self.ink if rng.random() < 0.6 else tuple(int(v) for v in rng.integers(60, 150, 3))
        self.radius = self.side * float(rng.choice([0, 0, 0, 0.12, 0.22]))
        self.fill: Colour | None = None if self.dark or rng.random() < 0.6 else (255, 255, 255)
        colours: list[Colour] = [(25, 35, 140), (15, 15, 20), (190, 25, 35), (20, 100, 45)]
        kinds = ["v", "x", "line", "hatch", "blot", "letter", "ring"]
        chosen = list(rng.choice(kinds, int(rng.integers(1, 4)), p=[0.33, 0.3, 0.1, 0.12, 0.05, 0.05, 0.05]))
        self.pen = Pen(
            colours[int(rng.choice(4, p=[0.4, 0.4, 0.12, 0.08]))],
            float(rng.choice([0.07, 0.1, 0.16, 0.28], p=[0.35, 0.3, 0.2, 0.15])),
            float(rng.uniform(0, 1)),
            [str(k) for k in chosen],
        )
        self.share = float(rng.choice([0.1, 0.3, 0.6]))
        self.printed = self.dark or rng.random() < 0.35
        self.boxes: list[tuple[float, float, float, float]] = []
        self.states: list[int] = []

    def words(self, low: int, high: int) -> str:
        """``low`` to ``high`` words."""
        count = int(self.rng.integers(low, high + 1))
        text = " ".join(LOREM[int(i)] for i in self.rng.integers(0, len(LOREM), count))
        return text.capitalize()

    def write(self, x: float, middle: float, text: str, scale: float = 1.0, colour: Colour | None = None) -> float:
        """Sets ``text`` with its middle at ``middle``; returns its right end."""
        font = self.face.font(max(6, round(self.unit * scale)))
        self.draw.text((x, middle), text, colour or self.ink, font, anchor="lm")
        return x + float(font.getlength(text))

    def box(self, x: float, middle: float) -> float:
        """A checkbox and, perhaps, its mark; returns its right edge."""
        x, y, s = round(x), round(middle - self.side / 2), round(self.side)
        edges = (x, y, x + s - 1, y + s - 1)
        self.draw.rounded_rectangle(edges, self.radius, self.fill, self.edge, self.line)
        filled = bool(self.rng.random() < self.share)
        self.boxes.append((x, y, x + s, y + s))
        self.states.append(FILLED if filled else EMPTY)
        if filled and self.printed:
            self.stamp(x, y, s)
        return float(x + s)

    def stamp(self, x: float, y: float, s: float) -> None:
        """A printed mark: one kind a page."""
        kind = int(self.unit * 1000) % 4
        thick = max(self.line, round(0.12 * s))
        if kind == 0:
            p = [(x + 0.2 * s, y + 0.52 * s), (x + 0.42 * s, y + 0.75 * s), (x + 0.82 * s, y + 0.25 * s)]
            self.draw.line(p, self.edge, thick, "curve")
        elif kind == 1:
            self.draw.line((x + 0.2 * s, y + 0.2 * s, x + 0.8 * s, y + 0.8 * s), self.edge, thick)
            self.draw.line((x + 0.8 * s, y + 0.2 * s, x + 0.2 * s, y + 0.8 * s), self.edge, thick)
        elif kind == 2:
            self.draw.rounded_rectangle((x, y, x + s - 1, y + s - 1), self.radius, (30, 90, 200))
            p = [(x + 0.22 * s, y + 0.5 * s), (x + 0.42 * s, y + 0.7 * s), (x + 0.78 * s, y + 0.3 * s)]
            self.draw.line(p, (255, 255, 255), thick, "curve")
        else:
            self.draw.rectangle((x + 0.25 * s, y + 0.25 * s, x + 0.75 * s, y + 0.75 * s), self.edge)

    def mark(self, box: tuple[float, float, float, float]) -> None:
        """A mark by pen, drawn on its own layer and multiplied in."""
        rng, pen = self.rng, self.pen
        x1, y1, x2, _y2 = box
        s = x2 - x1
        layer = Image.new("L", (int(s * 7), int(s * 5)), 0)
        pencil = ImageDraw.Draw(layer)
        ox, oy = x1 - 3 * s, y1 - 2 * s
        w = max(1, round(pen.width * s))

        def at(u: float, v: float, jitter: float = 0.06) -> tuple[float, float]:
            e = rng.normal(0, jitter, 2)
            return (3 + u + float(e[0])) * s, (2 + v + float(e[1])) * s

        reach = 1 + pen.stray * rng.uniform(0, 2)
        kind = pen.kinds[int(rng.integers(len(pen.kinds)))]
        if kind == "v":
            low = at(0.35, 0.75, 0.08 + 0.12 * pen.stray)
            top = at(0.35 + 0.55 * reach, 0.75 - 0.8 * reach, 0.1)
            pencil.line([at(0.05, 0.4), low, top], 255, w, "curve")
        elif kind == "x":
            r = 0.4 * reach
            pencil.line([at(0.5 - r, 0.5 - r), at(0.5, 0.5), at(0.5 + r, 0.5 + r)], 255, w, "curve")
            pencil.line([at(0.5 + r, 0.5 - r), at(0.5, 0.5), at(0.5 - r, 0.5 + r)], 255, w, "curve")
        elif kind == "line":
            pencil.line([at(0.5 - 0.4 * reach, 0.6), at(0.5 + 0.4 * reach, 0.4)], 255, w)
        elif kind == "hatch":
            n = int(rng.integers(5, 14))
            points = [at(k / n * 1.1 - 0.05, (-0.05 if k % 2 else 1.05), 0.08) for k in range(n + 1)]
            pencil.line(points, 255, w, "curve")
        elif kind == "blot":
            pencil.polygon([at(0.5 + 0.45 * np.cos(t), 0.5 + 0.45 * np.sin(t)) for t in np.linspace(0, 6.28, 11)], 255)
        elif kind == "ring":
            pencil.line(
                [at(0.5 + 0.34 * np.cos(t), 0.5 + 0.34 * np.sin(t), 0.02) for t in np.linspace(0, 6.5, 16)],
                255,
                w,
            )
        elif self.hand is not None:
            letter = "XxVvKRJ"[int(rng.integers(7))]
            if self.hand.has(letter):
                font = self.hand.font(round(s * rng.uniform(1.1, 1.8)))
                pencil.text(at(0.5, 0.5), letter, 255, font, anchor="mm", stroke_width=w // 3)
            else:
                pencil.line([at(0.1, 0.5), at(0.9, 0.5)], 255, w)
        else:
            pencil.line([at(0.1, 0.5), at(0.9, 0.5)], 255, w)
        self.image.paste(Image.new("RGB", layer.size, pen.colour), (int(ox), int(oy)), layer)

    def page(self, rng: Rng) -> Page:
        """Marks the boxes, scales down, ages a little."""
        if not self.printed:
            for box, state in zip(self.boxes, self.states, strict=True):
                if state == FILLED:
                    self.mark(box)
        size = round(self.image.width / self.zoom), round(self.image.height / self.zoom)
        small = self.image.resize(size, Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.LANCZOS)
        if rng.random() < 0.35:
            small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
        pixels = np.asarray(small).copy()
        if rng.random() < 0.4:
            noise = rng.normal(0, rng.uniform(2, 14), pixels.shape[:2])[..., None]
            pixels = (pixels * rng.uniform(0.8, 1) + noise).clip(0, 255).astype(np.uint8)
        if rng.random() < 0.5:
            _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
            pixels = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])
        ratio = np.array([size[0] / self.image.width, size[1] / self.image.height] * 2)
        boxes = (np.array(self.boxes).reshape(-1, 4) * ratio).astype(np.float32)
        states = np.array(self.states, np.int8)
        cut = boxes.clip(0, np.array([*size, *size], np.float32))
        area = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-6)
        seen = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1]) / area
        states[seen < 0.67] = IGNORE
        return Page(pixels.astype(np.uint8), cut[seen > 0.02], states[seen > 0.02])


def _options(d: Draft, x: float, y: float, w: float, h: float) -> None:
    d.write(x, y + d.unit, d.words(3, 8) + "?", 1.1)
    step = max(d.side * 1.25, d.unit * 1.6)
    columns = int(d.rng.integers(1, 4)) if w > 30 * d.unit else 1
    for r in range(int((h - 2 * d.unit) / step)):
        for c in range(columns):
            end = d.box(x + c * w / columns, y + 2 * d.unit + (r + 0.6) * step)
            d.write(end + d.unit * 0.5, y + 2 * d.unit + (r + 0.6) * step, d.words(1, 3 if columns > 1 else 6))


def _ratings(d: Draft, x: float, y: float, w: float, h: float) -> None:
    n = int(d.rng.integers(3, 8))
    cell = min(w * 0.6 / n, d.side * 3)
    if cell < d.side * 1.15:
        return
    step = max(d.side * 1.4, d.unit * 1.7)
    for c in range(n):
        d.write(x + w * 0.4 + (c + 0.3) * cell, y + d.unit, str(c + 1), 0.8)
    for r in range(int((h - 2 * d.unit) / step)):
        middle = y + 2 * d.unit + (r + 0.5) * step
        d.draw.line((x, middle - step / 2, x + w * 0.4 + n * cell, middle - step / 2), d.edge, max(1, d.line // 2))
        d.write(x, middle, d.words(1, 3), 0.85)
        for c in range(n):
            d.box(x + w * 0.4 + c * cell + (cell - d.side) / 2, middle)


def _text(d: Draft, x: float, y: float, w: float, h: float) -> None:
    step = d.unit * 1.5
    for r in range(int(h / step)):
        at = x
        while at < x + w - 6 * d.unit:
            at = d.write(at, y + (r + 0.5) * step, LOREM[int(d.rng.integers(len(LOREM)))]) + d.unit * 0.35


def _circles(d: Draft, x: float, y: float, w: float, h: float) -> None:
    step = d.side * 1.5
    for r in range(int(h / step)):
        for c in range(int(w / (d.side * 5))):
            left, top = x + c * d.side * 5, y + r * step
            d.draw.ellipse((left, top, left + d.side, top + d.side), d.fill, d.edge, d.line)
            if d.rng.random() < 0.3:
                m = d.side * 0.27
                d.draw.ellipse((left + m, top + m, left + d.side - m, top + d.side - m), d.edge)
            d.write(left + d.side * 1.3, top + d.side / 2, d.words(1, 1), 0.8)


def _entries(d: Draft, x: float, y: float, w: float, h: float) -> None:
    step = d.unit * 2.4
    comb = d.rng.random() < 0.5
    for r in range(int(h / step)):
        top = y + r * step
        end = d.write(x, top + step / 2, d.words(1, 2)) + d.unit
        if comb:
            cell = d.unit * 1.15
            for k in range(int((x + w - end) / cell)):
                d.draw.rectangle(
                    (end + k * cell, top + 0.4 * d.unit, end + (k + 1) * cell, top + 1.8 * d.unit),
                    None,
                    d.edge,
                    d.line,
                )
                if d.rng.random() < 0.4:
                    d.write(
                        end + (k + 0.2) * cell,
                        top + 1.1 * d.unit,
                        "0123456789ABDEOQ"[int(d.rng.integers(16))],
                        0.9,
                    )
        elif end < x + w - 2 * d.unit:
            d.draw.rectangle((end, top + 0.3 * d.unit, x + w, top + 1.9 * d.unit), None, d.edge, d.line)


def _badges(d: Draft, x: float, y: float, w: float, h: float) -> None:
    s = d.unit * 1.4
    for r in range(int(h / (2 * s))):
        top = y + 2 * r * s
        shape = (x, top, x + s, top + s)
        if d.rng.random() < 0.5:
            d.draw.rectangle(shape, d.ink)
        else:
            d.draw.ellipse(shape, d.ink)
        font = d.face.font(round(s * 0.8))
        d.draw.text((x + s / 2, top + s / 2), "123456789ABDEOQX"[int(d.rng.integers(16))], d.paper, font, anchor="mm")
        d.write(x + 1.5 * s, top + s / 2, d.words(1, 5))


def _spread(d: Draft, x: float, y: float, w: float, h: float) -> None:
    """Boxes strewn among words, as in running text."""
    step = max(d.unit * 1.8, d.side * 1.2)
    for r in range(int(h / step)):
        at, middle = x, y + (r + 0.5) * step
        while at < x + w - 10 * d.unit:
            at = d.write(at, middle, d.words(1, 4)) + d.unit * 0.4
            if d.rng.random() < 0.4:
                at = d.box(at, middle) + d.unit * 0.3


BLOCKS = (_options, _ratings, _text, _circles, _entries, _badges, _spread)


def draw_alt_page(rng: Rng, fonts: FontBook | None = None) -> Page:
    """A synthetic page in RGB for validation, slightly aged, about 700 to 1400 pixels on a side.

    rng: all the page depends on, with the installed fonts.  fonts: by default the part kept from
    ``draw_page``.
    """
    d = Draft(rng, book(1) if fonts is None else fonts)
    width, height = d.image.size
    rows = int(rng.integers(2, 6))
    bare = rng.random() < 0.15
    edges = height * np.concatenate([[0.02], np.cumsum(rng.dirichlet(np.full(rows, 6.0))) * 0.96 + 0.02])
    for r in range(rows):
        columns = 1 if width < 45 * d.unit else int(rng.integers(1, 3))
        for c in range(columns):
            blocks = (_text, _circles, _entries, _badges) if bare else BLOCKS
            block = blocks[int(rng.integers(len(blocks)))]
            x, y = width * (0.04 + 0.92 * c / columns), float(edges[r]) + d.unit
            h = float(edges[r + 1]) - y - d.unit
            if h > 4 * d.unit:
                block(d, x, y, width * 0.92 / columns - 2 * d.unit, h)
    return d.page(rng)


def main() -> None:
    """Draws a contact sheet to look at."""
    from model.pages import sheet

    parser = argparse.ArgumentParser(description="Draw a contact sheet of validation pages.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=6)
    arguments = parser.parse_args()
    pages = [draw_alt_page(np.random.default_rng([arguments.seed, i])) for i in range(arguments.count)]
    cv2.imwrite(str(arguments.out), sheet(pages)[..., ::-1])


if __name__ == "__main__":
    main()
