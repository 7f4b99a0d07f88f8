"""What resembles a checkbox and is none: circles, fields, icons, codes, letters on rules, bare marks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from model.canvas import Canvas
from model.fonts import Face, Font, FontBook, Words, fitted, ink_of, text_length
from model.marks import draw_mark, draw_path, random_hand

Rng = np.random.Generator

# For letters in squares: X and V would make them filled checkboxes.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUWYZ0123456789"


def radio(canvas: Canvas, x: float, y: float, side: float, ink: float, on: bool, rng: Rng, paper: float) -> None:
    """A radio circle or an oval, with or without its dot."""
    line = max(0.7, side * rng.choice([0.05, 0.08, 0.12]))
    if on and rng.random() < 0.25:
        canvas.round_bar(x, y, x + side, y + side, side / 2, ink)
        cx, cy = x + side / 2, y + side / 2
        kind = rng.random()
        if kind < 0.35:  # the round tick of task lists
            tick = np.array([(-0.22, 0.0), (-0.06, 0.17), (0.24, -0.18)]) * side + (cx, cy)
            canvas.path(tick, max(1.0, 0.09 * side), paper)
        elif kind < 0.75:
            r = side * 0.2
            canvas.round_bar(cx - r, cy - r, cx + r, cy + r, r, paper)
        return
    canvas.round_bar(x, y, x + side, y + side, side / 2, ink, line)
    if on:
        r = side * rng.uniform(0.18, 0.32)
        cx, cy = x + side / 2, y + side / 2
        if rng.random() < 0.8:
            canvas.round_bar(cx - r, cy - r, cx + r, cy + r, r, ink)
        else:
            draw_mark(canvas.image, (x, y, x + side, y + side), rng)


def field(
    canvas: Canvas, x: float, base: float, w: float, h: float, kind: str, ink: float, rng: Rng, font: Font
) -> None:
    """An entry field: a line, a frame, a comb, a row of character boxes or tinted cells, dots; sometimes filled in."""
    line = rng.uniform(0.6, 1.8)
    top = base - h
    n = max(1, int(w / (h * rng.uniform(0.7, 1.1))))
    if kind == "line":
        canvas.bar(x, base, x + w, base + line, ink)
    elif kind == "dots":
        for at in np.arange(x, x + w, rng.uniform(3, 6)):
            canvas.bar(float(at), base - 1, float(at) + 1.3, base + 0.3, ink)
    elif kind == "frame":
        canvas.frame(x, top, x + w, base, line, ink)
    elif kind == "comb":
        canvas.bar(x, base, x + w, base + line, ink)
        tooth = h * rng.uniform(0.2, 1.0)
        for at in np.linspace(x, x + w, n + 1):
            canvas.bar(float(at), base - tooth, float(at) + line, base, ink)
    elif kind == "cells":  # tinted places for a few characters, with a line below or without
        tint = ink + (255 - ink) * rng.uniform(0.7, 0.95)
        wide = h * rng.uniform(0.75, 1.05)
        gap = wide * rng.uniform(0.05, 0.35)
        radius = h * float(rng.choice([0.0, 0.12, 0.25]))
        underlined = rng.random() < 0.6
        for i in range(min(n, int(rng.choice([2, 2, 4, 5, 8, 10])))):
            left = x + i * (wide + gap)
            canvas.round_bar(left, top, left + wide, base, radius, tint)
            if underlined:
                canvas.bar(left, base - line, left + wide, base, ink)
    else:
        cell = w / n
        spaced = rng.random() < 0.3
        for i in range(n):
            right = x + (i + (0.88 if spaced else 1.0)) * cell
            canvas.frame(x + i * cell, top, right + (0 if spaced else line), base, line, ink)
    if kind in ("comb", "chars") and rng.random() < 0.4:
        cell = w / n
        for i in range(int(rng.integers(1, n + 1))):
            c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[int(rng.integers(36))]
            canvas.text(x + (i + 0.5) * cell - text_length(c, font) / 2, base - h * 0.2, c, font, ink)


def _badges(
    c: Canvas, x: float, y: float, w: float, size: int, ink: float, paper: float, bold: Face, rng: Rng
) -> float:
    """White letters and digits on black squares, circles and bars, next to text."""
    side = size * rng.uniform(1.0, 2.0)
    shape = rng.random()
    radius = 0.0 if shape < 0.5 else side * 0.25 if shape < 0.7 else side / 2
    fill = ink if rng.random() < 0.6 else float(rng.uniform(20, 130))
    font = bold.font(round(side * rng.uniform(0.55, 0.95)))
    vertical = rng.random() < 0.5
    at_x, at_y = x, y
    for i in range(int(rng.integers(2, 9))):
        text = str(i + 1) if rng.random() < 0.6 else "ABCDEQODP0HNMi?!"[int(rng.integers(16))]
        c.round_bar(at_x, at_y, at_x + side, at_y + side, radius, fill)
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        c.text(
            at_x + side / 2 - (left + right) / 2,
            at_y + side / 2 - (top + bottom) / 2,
            text,
            font,
            255 if fill < 140 else 0,
        )
        if vertical:
            at_y += side * 1.5
        else:
            at_x += side * rng.uniform(1.3, 6)
            if at_x + side > x + w:
                break
    return at_y + side * 1.6


def _framed(
    c: Canvas,
    x: float,
    y: float,
    w: float,
    size: int,
    ink: float,
    latin: Face,
    words: Words,
    face: Face,
    rng: Rng,
) -> float:
    """Section numbers and letters in outlined or tinted squares, followed by a caption; keys of a keyboard."""
    side = size * rng.uniform(1.1, 1.9)
    line = rng.uniform(0.6, 2)
    # Large: a small sign in a square is a checkbox with a mark, whatever it reads.
    font = latin.font(round(side * rng.uniform(0.65, 0.9)))
    caption = face.font(size)
    tint = float(rng.uniform(120, 235)) if ink < 100 and rng.random() < 0.4 else None
    corner = rng.random() < 0.4  # the number sits in the corner of a large frame that holds its section
    height = size * rng.uniform(3, 9)
    radius = float(rng.choice([0, 0, 0.15])) * side
    at = x
    for i in range(int(rng.integers(1, 7))):
        text = str(
            rng.choice(
                [
                    str(i + 1),
                    f"{i + 1}.",
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[int(rng.integers(36))],
                    f"{i + 8}",
                ]
            )
        )
        if tint is not None:
            c.round_bar(at, y, at + side, y + side, radius, tint)
        c.round_bar(at, y, at + side, y + side, radius, ink, line)
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        c.text(at + side / 2 - (left + right) / 2, y + side / 2 - (top + bottom) / 2, text, font, ink)
        at = c.text(
            at + side + size * 0.5, y + side / 2 + size * 0.36, words.word(), caption, ink
        ) + size * rng.uniform(1, 6)
        if at + side > x + w:
            break
    if corner:
        c.frame(x, y, x + w, y + height, line, ink)
        return y + height + size
    return y + side * 1.6


def _tofu(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """Missing-glyph boxes in a line of text: a font's empty, taller than wide rectangle, several in a row."""
    wide, high = size * rng.uniform(0.42, 0.62), size * rng.uniform(0.72, 0.95)
    line = max(0.6, size * rng.uniform(0.04, 0.08))
    for _ in range(int(rng.integers(1, 4))):
        at = x
        while at < x + w * rng.uniform(0.4, 1):
            for _ in range(int(rng.integers(2, 9))):
                c.frame(at, y, at + wide, y + high, line, ink)
                at += wide * rng.uniform(1.15, 1.3)
            at += size * 0.4
        y += size * 1.5
    return y + size * 0.3


def _code(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """A QR-like matrix or a bar code."""
    if rng.random() < 0.55:
        n = int(rng.choice([21, 25, 29, 33, 37]))
        module = max(1, round(rng.uniform(1.2, 5)))
        cells = (rng.random((n, n)) < 0.5).astype(np.float32)
        finder = np.ones((7, 7), np.float32)
        finder[1:6, 1:6] = 0
        finder[2:5, 2:5] = 1
        if rng.random() < 0.85:
            for a, b in ((0, 0), (0, n - 7), (n - 7, 0)):
                cells[max(0, a - 1) : a + 8, max(0, b - 1) : b + 8] = 0
                cells[a : a + 7, b : b + 7] = finder
        c.blend(np.kron(cells, np.ones((module, module), np.float32)), round(x), round(y), ink)
        return y + n * module + size
    h = size * rng.uniform(2, 4)
    at = x
    unit = rng.uniform(0.8, 2)
    while at < x + min(w, 220 * unit):
        wide = unit * int(rng.integers(1, 4))
        c.bar(at, y, at + wide, y + h, ink)
        at += wide + unit * int(rng.integers(1, 4))
    return y + h + size


def _grid(c: Canvas, x: float, y: float, w: float, size: int, ink: float, paper: float, face: Face, rng: Rng) -> float:
    """Contiguous near-square cells: calendar, crossword, squared paper, chess board, score table."""
    side = size * rng.uniform(0.8, 2.6)
    columns = int(np.clip(w / side, 1, rng.integers(4, 26)))
    rows = int(rng.integers(2, 14))
    line = rng.uniform(0.5, 1.8)
    kind = str(rng.choice(["empty", "digits", "letters", "chess", "crossword"]))
    font = face.font(round(side * rng.uniform(0.4, 0.75)))
    for r in range(rows):
        for k in range(columns):
            left, top = x + k * side, y + r * side
            if (kind == "chess" and (r + k) % 2) or (kind == "crossword" and rng.random() < 0.3):
                c.bar(left, top, left + side, top + side, ink)
            elif kind in ("digits", "letters") and rng.random() < 0.8:
                text = (
                    str(r * columns + k + 1)
                    if kind == "digits"
                    else "ABCDEFGHIJKLMNOPQRSTUVWXYZ0OQDX"[int(rng.integers(31))]
                )
                c.text(left + (side - text_length(text, font)) / 2, top + side * 0.72, text, font, ink)
    for r in range(rows + 1):
        c.bar(x, y + r * side, x + columns * side + line, y + r * side + line, ink)
    for k in range(columns + 1):
        c.bar(x + k * side, y, x + k * side + line, y + rows * side, ink)
    return y + rows * side + size


def _letters(c: Canvas, x: float, y: float, w: float, size: int, ink: float, face: Face, rng: Rng) -> float:
    """Capitals and digits that touch rules above, below or beside them."""
    font = face.font(round(size * rng.uniform(0.9, 1.6)))
    line = rng.uniform(0.6, 2.2)
    cap = -font.getbbox("H", anchor="ls")[1]
    for _ in range(int(rng.integers(1, 5))):
        base = y + cap + rng.uniform(0, 3)
        c.bar(x, base + rng.uniform(-1, 1), x + w, base + line, ink)
        if rng.random() < 0.6:
            c.bar(x, base - cap - rng.uniform(0, 2), x + w, base - cap - 2 + line, ink)
        at = x + rng.uniform(0, 5)
        while at < x + w * rng.uniform(0.3, 1.0):
            text = "".join(rng.choice(list("ODQ0EBLCHFTPRI8UN")) for _ in range(int(rng.integers(1, 6))))
            at = c.text(at, base, text, font, ink) + rng.uniform(0, 2) * size
            if rng.random() < 0.5:
                c.bar(at, base - cap * 1.1, at + line, base, ink)
        y = base + size * rng.uniform(0.2, 1)
    return y + size * 0.6


def _bare(c: Canvas, x: float, y: float, w: float, size: int, ink: float, fonts: FontBook, rng: Rng) -> float:
    """Ticks and crosses, printed or by pen, without a box; single handwritten words."""
    hand = random_hand(rng, float(size))
    font = None
    able = [f for f in fonts.symbols if f.has("\u2713\u2717")]
    if able and rng.random() < 0.6:
        font = able[int(rng.integers(len(able)))].font(round(size * rng.uniform(0.9, 2)))
    at = x
    for _ in range(int(rng.integers(2, 12))):
        if at > x + w - 2 * size:
            break
        if font is not None:
            at = c.text(at, y + size * 1.2, "\u2713" if rng.random() < 0.5 else "\u2717", font, ink)
        elif rng.random() < 0.75:
            draw_mark(
                c.image,
                (at, y, at + size, y + size),
                rng,
                hand,
                kind=str(rng.choice(["tick", "cross", "scribble", "long_cross", "initials"])),
            )
            at += size
        else:
            n = int(rng.integers(8, 30))
            xs = at + np.linspace(0, n * size * 0.18, n)
            draw_path(
                c.image,
                [(float(a), float(b)) for a, b in zip(xs, y + rng.uniform(0, size, n), strict=True)],
                rng,
                hand,
            )
            at = float(xs[-1])
        at += size * rng.uniform(1, 7)
    return y + size * 2


def _p(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, np.float64)


def icon(c: Canvas, kind: str, x: float, y: float, side: float, ink: float, paper: float, rng: Rng) -> None:
    """An interface icon in a square of ``side`` at (x, y); kinds in ``ICONS``."""
    line = max(0.8, side * rng.uniform(0.06, 0.12))

    def frame(a: float, b: float, a2: float, b2: float, radius: float = 0.08) -> None:
        c.round_bar(x + a * side, y + b * side, x + a2 * side, y + b2 * side, radius * side, ink, line)

    def strokes(points: NDArray[np.float64], close: bool = False, fill: bool = False) -> None:
        c.path(points * side + (x, y), line, ink, close, fill)

    if kind == "mail":
        frame(0, 0.15, 1, 0.85)
        strokes(_p((0.03, 0.2), (0.5, 0.58), (0.97, 0.2)))
    elif kind == "copy":
        frame(0.3, 0.3, 1, 1)
        strokes(_p((0.2, 0.72), (0.05, 0.72), (0.05, 0.05), (0.72, 0.05), (0.72, 0.2)))
    elif kind == "close":
        strokes(_p((0.1, 0.1), (0.9, 0.9)))
        strokes(_p((0.9, 0.1), (0.1, 0.9)))
    elif kind == "picture":
        frame(0, 0.1, 1, 0.9)
        strokes(_p((0.08, 0.8), (0.35, 0.45), (0.55, 0.65), (0.7, 0.5), (0.94, 0.8)), fill=True, close=True)
        c.round_bar(x + 0.62 * side, y + 0.22 * side, x + 0.8 * side, y + 0.4 * side, side, ink)
    elif kind == "video":
        frame(0, 0.2, 0.7, 0.8)
        strokes(_p((0.74, 0.45), (1, 0.25), (1, 0.75), (0.74, 0.55)), close=True, fill=rng.random() < 0.5)
    elif kind == "play":
        frame(0, 0.05, 1, 0.95, 0.15)
        strokes(_p((0.38, 0.28), (0.74, 0.5), (0.38, 0.72)), close=True, fill=True)
    elif kind == "calendar":
        frame(0.05, 0.12, 0.95, 0.98)
        strokes(_p((0.05, 0.36), (0.95, 0.36)))
        strokes(_p((0.28, 0.0), (0.28, 0.2)))
        strokes(_p((0.72, 0.0), (0.72, 0.2)))
        for i in range(3):
            for j in range(2):
                a, b = 0.2 + i * 0.24, 0.5 + j * 0.22
                c.bar(x + a * side, y + b * side, x + (a + 0.1) * side, y + (b + 0.1) * side, ink)
    elif kind == "save":
        frame(0.02, 0.02, 0.98, 0.98)
        frame(0.25, 0.55, 0.75, 0.98, 0)
        frame(0.25, 0.02, 0.7, 0.3, 0)
    elif kind == "folder":
        strokes(_p((0.02, 0.2), (0.35, 0.2), (0.45, 0.32), (0.98, 0.32), (0.98, 0.85), (0.02, 0.85)), close=True)
    elif kind == "search":
        c.round_bar(x + 0.05 * side, y + 0.05 * side, x + 0.68 * side, y + 0.68 * side, side, ink, line)
        strokes(_p((0.6, 0.6), (0.95, 0.95)))
    elif kind == "tiles":
        for a in (0.04, 0.54):
            for b in (0.04, 0.54):
                c.bar(x + a * side, y + b * side, x + (a + 0.4) * side, y + (b + 0.4) * side, ink)
    elif kind == "menu":
        for b in (0.2, 0.5, 0.8):
            strokes(_p((0.05, b), (0.95, b)))
    elif kind == "document":
        strokes(_p((0.15, 0.02), (0.62, 0.02), (0.85, 0.26), (0.85, 0.98), (0.15, 0.98)), close=True)
        for b in (0.45, 0.6, 0.75):
            strokes(_p((0.3, b), (0.7, b)))
    elif kind == "window":
        frame(0, 0.08, 1, 0.92, 0.05)
        c.bar(x, y + 0.08 * side, x + side, y + 0.3 * side, ink)
    elif kind == "lock":
        c.round_bar(x + 0.15 * side, y + 0.45 * side, x + 0.85 * side, y + 0.98 * side, 0.06 * side, ink)
        c.round_bar(x + 0.28 * side, y + 0.05 * side, x + 0.72 * side, y + 0.7 * side, 0.3 * side, ink, line)
    elif kind == "external":
        gap, tip, head = rng.uniform(0.35, 0.6), rng.uniform(0.9, 1.0), rng.uniform(0.2, 0.36)
        strokes(_p((0.85 - gap, 0.15), (0.08, 0.15), (0.08, 0.92), (0.85, 0.92), (0.85, 0.15 + gap)))
        tail = rng.uniform(0.35, 0.6)
        strokes(_p((tail, 1 - tail), (tip, 1 - tip)))
        strokes(_p((tip - head, 1 - tip), (tip, 1 - tip), (tip, 1 - tip + head)))
    else:
        raise ValueError(f"no such icon: {kind}")


ICONS = (
    "mail", "copy", "close", "picture", "video", "play", "calendar", "save", "folder", "search", "tiles", "menu",
    "document", "window", "lock", "external",
)  # fmt: skip


def _icons(c: Canvas, x: float, y: float, w: float, size: int, ink: float, paper: float, rng: Rng) -> float:
    side = size * rng.uniform(0.8, 2.4)
    at = x
    while at + side < x + w * rng.uniform(0.3, 1.0):
        icon(c, ICONS[int(rng.integers(len(ICONS)))], at, y, side, ink, paper, rng)
        at += side * rng.uniform(1.3, 3)
    return y + side * 1.5


@lru_cache(maxsize=4096)
def _boxy(face: Face, c: str) -> bool:
    """Whether a glyph is blank or fills at least three sides of its square extent: a checkbox, or too much like one."""
    patch, _, _ = ink_of(c, face.font(48))
    ys, xs = np.nonzero(patch > 100)
    if len(xs) < 12:
        return True
    part = patch[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] > 100
    h, w = part.shape
    if not 0.7 < w / h < 1.43:
        return False
    k = max(2, round(0.16 * min(h, w)))
    sides = (part[:k].any(0), part[-k:].any(0), part[:, :k].any(1), part[:, -k:].any(1))
    return sum(float(side.mean()) > 0.55 for side in sides) >= 3


def _pictographs(c: Canvas, x: float, y: float, w: float, size: int, ink: float, fonts: FontBook, rng: Rng) -> float:
    """Icons, arrows, stars and signs of symbol faces, less those that are boxes."""
    if not fonts.symbols:
        return y
    face = fonts.symbols[int(rng.integers(len(fonts.symbols)))]
    starts, ends = face.ranges
    usable = [i for i, b in enumerate(ends) if b >= 0x2190]
    if not usable:
        return y
    side = size * rng.uniform(0.8, 2.6)
    font = face.font(round(side))
    at = x
    for _ in range(int(rng.integers(3, 24))):
        i = usable[int(rng.integers(len(usable)))]
        glyph = chr(int(rng.integers(max(0x2190, starts[i]), ends[i] + 1)))
        if _boxy(face, glyph):
            continue
        at = c.text(at, y + side, glyph, font, ink) + side * rng.uniform(0.3, 2)
        if at > x + w - 2 * side:
            break
    return y + side * 1.6


def _buttons(
    c: Canvas,
    x: float,
    y: float,
    w: float,
    size: int,
    ink: float,
    paper: float,
    face: Face,
    words: Words,
    rng: Rng,
) -> float:
    font = face.font(size)
    h = size * rng.uniform(1.5, 2.4)
    at = x
    for _ in range(int(rng.integers(1, 6))):
        text = words.word()
        width = text_length(text, font) + size * rng.uniform(0.8, 2.5)
        if at + width > x + w:
            break
        radius = float(rng.choice([0, 3, h / 2]))
        if rng.random() < 0.5:
            fill = float(rng.uniform(40, 220))
            c.round_bar(at, y, at + width, y + h, radius, fill)
            c.text(
                at + (width - text_length(text, font)) / 2,
                y + h / 2 + size * 0.36,
                text,
                font,
                255 if fill < 140 else 0,
            )
        else:
            c.round_bar(at, y, at + width, y + h, radius, ink, rng.uniform(0.7, 2))
            c.text(at + (width - text_length(text, font)) / 2, y + h / 2 + size * 0.36, text, font, ink)
        at += width + size * rng.uniform(0.3, 2)
    return y + h + size


def _bullets(
    c: Canvas, x: float, y: float, w: float, size: int, ink: float, face: Face, words: Words, rng: Rng
) -> float:
    """A list with small square, round, triangular or dash bullets."""
    font = face.font(size)
    side = size * rng.uniform(0.22, 0.42)
    kind = int(rng.integers(4))
    for _ in range(int(rng.integers(2, 8))):
        y += size * 1.5
        m = y - size * 0.33
        if kind == 0:
            c.bar(x, m - side / 2, x + side, m + side / 2, ink)
        elif kind == 1:
            c.round_bar(x, m - side / 2, x + side, m + side / 2, side, ink)
        elif kind == 2:
            c.path(_p((x, m - side), (x + side * 1.4, m), (x, m + side)), 1, ink, True, True)
        else:
            c.round_bar(x, m - side / 2, x + side, m + side / 2, side, ink, max(0.7, side * 0.15))
        c.text(x + size, y, fitted(words.phrase(int(rng.integers(2, 9))), font, w - 2 * size), font, ink)
    return y + size


def _photo(c: Canvas, x: float, y: float, w: float, size: int, rng: Rng) -> float:
    """A picture: smooth fields, edges and texture."""
    pw, ph = int(max(40, w * rng.uniform(0.2, 0.8))), int(size * rng.uniform(4, 16))
    out = np.zeros((ph, pw), np.float32)
    for cells in (3, 8, 25):
        small = rng.normal(0, 1 / cells**0.5, (cells, cells)).astype(np.float32)
        out += cv2.resize(small, (pw, ph), interpolation=cv2.INTER_CUBIC if cells < 20 else cv2.INTER_LINEAR)
    for _ in range(int(rng.integers(2, 10))):
        points = (rng.uniform(0, 1, 2) * (pw, ph) + rng.normal(0, size * 2, (int(rng.integers(3, 6)), 2))).astype(
            np.int32
        )
        cv2.fillPoly(out, [points], float(rng.normal(0, 1)))
    out = (out - out.min()) / max(float(np.ptp(out)), 1e-6)
    c.blend(1 - out, round(x), round(y), 0)
    return y + ph + size


def _drawing(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """A line drawing: map-like polylines, rectangles of rooms and cars, a plot with square markers, staves."""
    h = size * rng.uniform(5, 18)
    line = rng.uniform(0.5, 1.6)
    kind = rng.random()
    if kind < 0.35:
        for _ in range(int(rng.integers(5, 30))):
            n = int(rng.integers(2, 9))
            p = np.cumsum(rng.normal(0, size * 2, (n, 2)), 0) + rng.uniform(0, 1, 2) * (w, h) + (x, y)
            c.path(p.clip((x, y), (x + w, y + h)), line, ink)
        for _ in range(int(rng.integers(0, 6))):
            a, b = x + rng.uniform(0, 0.7) * w, y + rng.uniform(0, 0.7) * h
            c.frame(a, b, a + rng.uniform(0.1, 0.3) * w, b + rng.uniform(0.1, 0.3) * h, line, ink)
    elif kind < 0.65:
        c.bar(x, y, x + line, y + h, ink)
        c.bar(x, y + h, x + w, y + h + line, ink)
        n = int(rng.integers(5, 25))
        xs = np.linspace(x + 5, x + w - 5, n)
        ys = y + h * rng.uniform(0.05, 0.95, n)
        c.path(np.stack([xs, ys], 1), line, ink)
        shape = int(rng.integers(3))
        r = size * rng.uniform(0.12, 0.25)
        for a, b in zip(xs, ys, strict=True):
            if shape == 0:
                c.round_bar(a - r, b - r, a + r, b + r, r, ink)
            elif shape == 1:
                c.path(_p((a - r, b), (a, b - r), (a + r, b), (a, b + r)), line, ink, True)
            else:
                c.path(_p((a - r, b - r), (a + r, b + r)), line, ink)
                c.path(_p((a + r, b - r), (a - r, b + r)), line, ink)
    else:
        pitch = size * rng.uniform(0.4, 0.7)
        at = y
        while at + 5 * pitch < y + h:
            for i in range(5):
                c.bar(x, at + i * pitch, x + w, at + i * pitch + line, ink)
            pos = x + 2 * size
            while pos < x + w - size:
                head = at + rng.integers(0, 9) * pitch / 2
                c.path(_ellipse(pos, head, pitch * 0.6, pitch * 0.45), line, ink, True, rng.random() < 0.75)
                c.bar(pos + pitch * 0.55, head - 3 * pitch, pos + pitch * 0.55 + line, head, ink)
                pos += size * rng.uniform(0.8, 3)
                if rng.random() < 0.12:
                    c.bar(pos, at, pos + line, at + 4 * pitch, ink)
                    pos += size
            at += 9 * pitch
    return y + h + size


def _outlines(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """Line drawings of things: symmetric outlines nested in each other (vehicles, devices, furniture, plans)."""
    h = size * rng.uniform(2.5, 8)
    at = x
    line = rng.uniform(0.6, 2.0)
    while at < x + w * rng.uniform(0.2, 1):
        wide = h * rng.uniform(0.35, 1.3)
        if at + wide > x + w:
            break
        mid = at + wide / 2
        for _ in range(int(rng.integers(2, 7))):
            a = wide / 2 * rng.uniform(0.25, 1.0)
            top, bottom = np.sort(rng.uniform(0, 1, 2)) * h + y
            if bottom - top < 4 or (0.7 < (bottom - top) / (2 * a) < 1.4 and a < 32):
                continue  # a lone small square would be a checkbox
            kind = rng.random()
            if kind < 0.4:
                c.round_bar(mid - a, top, mid + a, bottom, a * rng.uniform(0.1, 0.9), ink, line)
            elif kind < 0.7:
                b = a * rng.uniform(0.4, 1)
                c.path(_p((mid - a, top), (mid + a, top), (mid + b, bottom), (mid - b, bottom)), line, ink, True)
            elif kind < 0.85:
                c.path(_ellipse(mid, (top + bottom) / 2, a, (bottom - top) / 2), line, ink, True)
            else:
                for side in (-1, 1):
                    c.path(_p((mid + side * a, top), (mid + side * a * 0.7, bottom)), line, ink)
        at += wide + size * rng.uniform(0.5, 3)
    return y + h + size


def _bodies(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """Things seen from above, in sections (boats, chairs, bottles): four-sided parts as large as checkboxes, whose sides
    taper or whose ends bow, often doubled; none is a square."""
    line = rng.uniform(0.6, 2.4)
    lying = rng.random() < 0.5
    room = h = 0.0
    at = x
    for _ in range(int(rng.integers(1, 7))):
        wide = size * rng.uniform(0.8, 3.5)
        n = int(rng.integers(1, 6))
        lengths = wide * rng.uniform(0.35, 1.5, n)
        room = float(lengths.sum()) if lying else wide
        if at + room > x + w:
            break
        h = max(h, wide if lying else float(lengths.sum()))

        def put(points: NDArray[np.float64], thick: float, at: float = at) -> None:
            c.path((points[:, ::-1] if lying else points) + (at, y), thick, ink)

        ends = np.concatenate([[0.0], np.cumsum(lengths)])
        spread = rng.uniform(0.55, 1.0)
        t = np.linspace(-1, 1, 9)
        for a, b in pairwise(ends):
            tapered = rng.random() < 0.6
            ratio = rng.uniform(0.6, 0.85) if tapered else rng.uniform(0.95, 1.05)
            slight = n > 1 and rng.random() < 0.4  # a lone one could be a square seen at an angle
            if slight:
                ratio = rng.uniform(0.85, 0.95)
            other = spread * ratio if spread * ratio > 0.4 and rng.random() < 0.6 else min(1.0, spread / ratio)
            bow = (b - a) * rng.uniform(0.05, 0.15 if slight else 0.4) * rng.choice([-1, 1])
            if tapered and abs(other - spread) > 0.12 and rng.random() < 0.5:
                bow = 0.0
            belly = wide * rng.uniform(-0.04, 0.08)
            for inner in (1.0, rng.uniform(0.7, 0.9)) if rng.random() < 0.4 else (1.0,):
                for side in (-1, 1):
                    along = (t + 1) / 2
                    across = wide / 2 * (1 + side * inner * (spread + (other - spread) * along)) + side * belly * (
                        1 - t**2
                    )
                    put(np.stack([across, a + (b - a) * along], 1), line)
            for place, share in ((a, spread), (b, other)):
                put(
                    np.stack([wide / 2 * (1 + share * t), place + bow * (1 - t**2)], 1),
                    line * float(rng.choice([1, 1, 1, 2.5])),
                )
            spread = other
        at += room + size * rng.uniform(0.3, 3)
    return y + h + size


def _ellipse(cx: float, cy: float, a: float, b: float) -> NDArray[np.float64]:
    t = np.linspace(0, 2 * np.pi, 20)
    return np.stack([cx + a * np.cos(t), cy + b * np.sin(t)], 1)


def _radios(
    c: Canvas,
    x: float,
    y: float,
    w: float,
    size: int,
    ink: float,
    paper: float,
    face: Face,
    latin: Face,
    words: Words,
    rng: Rng,
) -> float:
    """Radio groups and rows of lettered bubbles."""
    side = size * rng.uniform(0.8, 1.5)
    font = face.font(size)
    small = latin.font(round(side * 0.6))
    lettered = rng.random() < 0.4
    for _ in range(int(rng.integers(1, 7))):
        at = x
        while at < x + w - 8 * size:
            if lettered:
                wide = side * rng.uniform(1.0, 1.5)
                letter = "ABCDE01234"[int(rng.integers(10))]
                bubble = at, y, at + wide, y + side
                _bubble(c, bubble, letter, small, ink, max(0.7, side * 0.06))
                if rng.random() < 0.2:
                    draw_mark(c.image, bubble, rng, kind="solid")
                at += wide * 1.4
            else:
                radio(c, at, y, side, ink, rng.random() < 0.35, rng, paper)
                at = c.text(at + side * 1.4, y + side / 2 + size * 0.36, words.word(), font, ink) + size * rng.uniform(
                    1, 3
                )
        y += side * rng.uniform(1.3, 1.8)
    return y + size * 0.6


def _bubble(
    c: Canvas, edges: tuple[float, float, float, float], sign: str, font: Font, ink: float, line: float
) -> None:
    """A bubble to black out, with its sign in it."""
    x1, y1, x2, y2 = edges
    c.round_bar(x1, y1, x2, y2, (y2 - y1) / 2, ink, line)
    c.text((x1 + x2) / 2 - text_length(sign, font) / 2, y1 + (y2 - y1) * 0.72, sign, font, ink)


def _bubble_columns(
    c: Canvas, x: float, y: float, w: float, size: int, ink: float, paper: float, latin: Face, rng: Rng
) -> float:
    """Bubble sheets' names and numbers: character boxes in a row, most of them touching, above a column of bubbles each."""
    side = size * rng.uniform(0.9, 1.8)
    touching = rng.random() < 0.75
    step = side * (1.0 if touching else rng.uniform(1.05, 1.4))
    high = side * rng.uniform(0.85, 1.5)
    line = max(0.7, side * rng.uniform(0.03, 0.1))
    signs = "0123456789" if rng.random() < 0.6 else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rows = int(rng.integers(4, len(signs) + 1))
    bubble = min(step, side) * rng.uniform(0.65, 0.95)
    pitch = bubble * rng.uniform(1.05, 1.5)
    grey = ink + (paper - ink) * float(rng.uniform(0, 0.6))
    small, large = latin.font(max(5, round(bubble * 0.6))), latin.font(round(side * 0.75))
    written = rng.random() < 0.4
    below = y + high + side * rng.uniform(0.05, 0.6)
    count = min(int(rng.integers(2, 16)), int((w - line) // step))
    for i in range(count):
        left = x + i * step
        middle = left + side / 2
        c.frame(left, y, left + side + (line if touching else 0), y + high, line, ink)
        pick = int(rng.integers(rows))
        if written:
            c.text(middle - text_length(signs[pick], large) / 2, y + high / 2 + side * 0.27, signs[pick], large, ink)
        for row in range(rows):
            top = below + row * pitch
            edges = middle - bubble / 2, top, middle + bubble / 2, top + bubble
            _bubble(c, edges, signs[row], small, grey, max(0.6, bubble * 0.06))
            if written and row == pick:
                draw_mark(c.image, edges, rng, kind="solid")
    return below + rows * pitch + size


def _frames(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """Big rectangles, signature boxes, photo frames, wide slots."""
    h = size * rng.uniform(1.6, 8)
    at = x
    line = rng.uniform(0.6, 2.5)
    for _ in range(int(rng.integers(1, 4))):
        width = max(h * rng.uniform(0.9, 5), 5.5 * size)
        if at + width > x + w:
            break
        c.round_bar(at, y, at + width, y + h, float(rng.choice([0, 0, 6])), ink, line)
        if rng.random() < 0.2 and h > 85:
            c.path(_p((at, y), (at + width, y + h)), line, ink)
            c.path(_p((at + width, y), (at, y + h)), line, ink)
        at += width + size
    return y + h + size


def section(
    c: Canvas, x: float, y: float, w: float, size: int, ink: float, paper: float, face: Face, latin: Face, fonts: FontBook, words: Words,
    rng: Rng,
) -> float:  # fmt: skip
    """Draws one kind of look-alike from (x, y) on, ``w`` wide; returns the y below it."""
    kinds: list[Callable[[], float]] = [
        lambda: _badges(c, x, y, w, size, ink, paper, latin, rng),
        lambda: _code(c, x, y, w, size, ink, rng),
        lambda: _grid(c, x, y, w, size, ink, paper, latin, rng),
        lambda: _letters(c, x, y, w, size, ink, latin, rng),
        lambda: _bare(c, x, y, w, size, ink, fonts, rng),
        lambda: _icons(c, x, y, w, size, ink, paper, rng),
        lambda: _buttons(c, x, y, w, size, ink, paper, face, words, rng),
        lambda: _bullets(c, x, y, w, size, ink, face, words, rng),
        lambda: _photo(c, x, y, w, size, rng),
        lambda: _drawing(c, x, y, w, size, ink, rng),
        lambda: _radios(c, x, y, w, size, ink, paper, face, latin, words, rng),
        lambda: _frames(c, x, y, w, size, ink, rng),
        lambda: _framed(c, x, y, w, size, ink, latin, words, face, rng),
        lambda: _tofu(c, x, y, w, size, ink, rng),
        lambda: _pictographs(c, x, y, w, size, ink, fonts, rng),
        lambda: _outlines(c, x, y, w, size, ink, rng),
        lambda: _bodies(c, x, y, w, size, ink, rng),
        lambda: _bubble_columns(c, x, y, w, size, ink, paper, latin, rng),
    ]
    p = np.array(
        [0.13, 0.06, 0.1, 0.12, 0.08, 0.1, 0.07, 0.06, 0.05, 0.06, 0.1, 0.04, 0.05, 0.02, 0.07, 0.06, 0.07, 0.07]
    )
    return kinds[int(rng.choice(len(kinds), p=p / p.sum()))]()
