"""What people leave on a form beside their marks: entries, signatures, underlines, circled words, arrows, stamps."""

from __future__ import annotations

import cv2
import numpy as np

from model.fonts import text_length
from model.marks import Hand, draw_mark, draw_path, draw_stray, random_hand
from model.sheet import Sheet

Rng = np.random.Generator


def _scrawl(s: Sheet, x: float, base: float, w: float, h: float, hand: Hand) -> None:
    """Illegible handwriting: a line of loops with ascenders."""
    rng = s.rng
    pitch = h * rng.uniform(0.16, 0.3)
    n = int(np.clip(w / pitch, 4, 60))
    xs = x + np.arange(n) * pitch + rng.normal(0, 0.25 * pitch, n)
    up = np.where(np.arange(n) % 2 == 0, 0.0, -0.42 * h) * rng.uniform(0.5, 1.2, n)
    up = up + np.where(rng.random(n) < 0.12, -0.5 * h, 0) + np.where(rng.random(n) < 0.08, 0.35 * h, 0)
    points = [(float(a), float(b)) for a, b in zip(xs, base - 0.05 * h + up, strict=True)]
    start = 0
    while start < n - 2:  # words
        stop = min(n, start + int(rng.integers(4, 14)))
        draw_path(s.canvas.image, points[start:stop], rng, hand)
        start = stop + 1


def _write(s: Sheet, x: float, base: float, w: float, h: float, hand: Hand) -> None:
    """An entry: in a handwriting face, or as scrawl."""
    rng = s.rng
    if s.fonts.hands and rng.random() < 0.55:
        face = s.fonts.hands[int(rng.integers(len(s.fonts.hands)))]
        font = face.font(round(h * rng.uniform(0.9, 1.5)))
        if rng.random() < 0.4:
            text = "".join(str(d) for d in rng.integers(0, 10, int(rng.integers(2, 11))))
        else:
            text = " ".join(s.look.words.word() for _ in range(int(rng.integers(1, 4)))).title()
        text = "".join(c for c in text if c == " " or face.has(c))
        while len(text) > 1 and text_length(text, font) > w:
            text = text[:-1]
        grey = 255 * (0.299 * hand.rgb[0] + 0.587 * hand.rgb[1] + 0.114 * hand.rgb[2])
        s.canvas.text(
            x + rng.uniform(0, 0.3) * max(0.0, w - text_length(text, font)),
            base + rng.normal(0, 0.08) * h,
            text,
            font,
            grey,
        )
    else:
        _scrawl(s, x, base, min(w, h * rng.uniform(2, 12)), h, hand)


def _highlight(s: Sheet, x: float, y: float) -> None:
    """A text marker's stripe; it marks no box."""
    w, h = s.look.size * s.rng.uniform(3, 25), s.look.size * s.rng.uniform(0.7, 1.4)
    stripe = np.array([(x, y), (x + w / 2, y + s.rng.normal(0, 0.1) * h), (x + w, y + s.rng.normal(0, 0.2) * h)])
    before = s.canvas.image.copy()
    s.canvas.path(stripe, h, float(s.rng.uniform(190, 235)))
    np.minimum(s.canvas.image, before, out=s.canvas.image)


def _watermark(s: Sheet) -> None:
    """One large pale word, slanting, or a pale disc, under everything."""
    rng, c = s.rng, s.canvas
    layer = np.zeros(c.image.shape, np.uint8)
    at = (int(rng.uniform(0, 0.5) * c.width), int(rng.uniform(0.3, 0.9) * c.height))
    if rng.random() < 0.7:
        word = str(rng.choice(["DRAFT", "COPY", "VOID", "SAMPLE", "CONFIDENTIAL"]))
        size = c.width / 22 / len(word) * rng.uniform(0.6, 1.2)
        cv2.putText(layer, word, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, int(size * 5)), cv2.LINE_AA)
        turn = cv2.getRotationMatrix2D((c.width / 2, c.height / 2), rng.uniform(-10, 60), 1.0)
        layer = np.asarray(cv2.warpAffine(layer, turn, (c.width, c.height)), np.uint8)
    else:
        for r in np.cumsum(rng.uniform(4, 40, 5)):
            cv2.circle(layer, at, int(r * c.width / 300), 255, int(rng.integers(1, 9)), cv2.LINE_AA)
    c.image[...] = (c.image * (1 - layer * np.float32(rng.uniform(0.05, 0.25) / 255))).astype(np.uint8)


def add_clutter(s: Sheet) -> None:
    """Writes into fields and leaves pen strokes about the page, clear of marking any box."""
    rng, lk = s.rng, s.look
    hand = random_hand(rng, float(lk.size))
    if s.lines and rng.random() < 0.4:
        share = rng.uniform(0.3, 1.0)
        typed = rng.random() < 0.35
        for x, base, w, h in s.lines:
            if rng.random() > share:
                continue
            if typed:
                s.text(x + 3, base - 0.15 * h, s.phrase(1, 4, w - 6))
            else:
                _write(s, x + 2, base, w - 4, h, hand)
    image = s.canvas.image
    height, width = image.shape
    if rng.random() < 0.05:
        _watermark(s)
    if rng.random() < 0.06:
        for _ in range(int(rng.integers(1, 6))):
            _highlight(s, rng.uniform(0, width), rng.uniform(0, height))
    if rng.random() > 0.3:
        return
    centres = np.array([((a + c) / 2, (b + d) / 2) for a, b, c, d in s.boxes]).reshape(-1, 2)
    sides = np.array([max(c - a, d - b) for a, b, c, d in s.boxes])

    def clear(x: float, y: float, reach: float) -> bool:
        return not len(centres) or bool((np.hypot(centres[:, 0] - x, centres[:, 1] - y) - sides > reach).all())

    for _ in range(int(rng.integers(1, 9))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        size = lk.size * rng.uniform(0.8, 2)
        kind = int(rng.integers(6))
        if kind == 0 and clear(x, y, 3 * size):  # a note in the margin
            _write(s, x, y, size * rng.uniform(3, 10), size, hand) if clear(x + 5 * size, y, 6 * size) else None
        elif kind == 1 and clear(x, y, 4 * size):  # a circled word
            t = np.linspace(0, 2 * np.pi * rng.uniform(0.95, 1.15), 16)
            a, b = size * rng.uniform(1.5, 4), size * rng.uniform(0.8, 1.3)
            points = np.stack([x + a * np.cos(t), y + b * np.sin(t)], 1) + rng.normal(0, 0.08 * size, (16, 2))
            draw_path(image, [(float(p), float(q)) for p, q in points], rng, hand)
        elif kind == 2 and clear(x, y, 3 * size):  # a tick or cross in the open
            mark = str(rng.choice(["tick", "long_tick", "cross", "long_cross", "scribble", "initials"]))
            draw_mark(image, (x - size / 2, y - size / 2, x + size / 2, y + size / 2), rng, hand, kind=mark)
        elif kind == 3 and clear(x, y, 5 * size):  # struck out or underlined words
            w = size * rng.uniform(2, 5)
            for k in range(int(rng.integers(1, 3))):
                yk = y + k * 0.25 * size
                draw_path(image, [(x - w, yk), (x, yk + rng.normal(0, 0.1) * size), (x + w, yk)], rng, hand)
        elif kind == 4 and clear(x, y, 6 * size):
            draw_stray(
                image,
                (x, y, x + size, y + size),
                rng,
                hand,
                kind=str(rng.choice(["stamp", "smudge", "line"])),
            )
        elif kind == 5 and clear(x, y, 6 * size):  # a signature
            n = int(rng.integers(6, 16))
            xs = x + np.linspace(0, size * rng.uniform(3, 7), n) + rng.normal(0, 0.4 * size, n)
            ys = y + rng.normal(0, 0.7 * size, n)
            draw_path(image, [(float(p), float(q)) for p, q in zip(xs, ys, strict=True)], rng, hand)
