"""Synthetic pages: forms, questionnaires, tables, screens, and pages without a checkbox.

    python -m model.pages --out sheet.png        # a contact sheet of pages with their labels

A page is laid out from top to bottom in one to three columns; each stretch is a section (a question with
options, a table, a matrix, fields, text, look-alikes).  Boxes are printed first, with all else; pen marks and
strays come last, over it all, as they do in life.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from model import lookalikes as look
from model.clutter import add_clutter
from model.degrade import degrade
from model.fonts import FontBook, book
from model.marks import Hand, draw_mark, draw_stray, random_hand
from model.page import EMPTY, FILLED, Page
from model.screens import fill_screen
from model.sheet import STAND_INS, Sheet, random_look
from model.vehicles import vehicles

Rng = np.random.Generator


# --- sections: each draws into (x, y, width) and returns the y below it
# -------------------------------------------------

Section = Callable[[Sheet, float, float, float], float]


def heading(s: Sheet, x: float, y: float, w: float) -> float:
    """A title: plain, in a black bar, in a grey bar, underlined."""
    rng, lk = s.rng, s.look
    scale = rng.uniform(1.1, 2.0)
    text = s.fit(lk.words.phrase(int(rng.integers(1, 7))), w * 0.95, scale, True)
    h = lk.size * scale * 1.35
    kind = rng.random()
    if rng.random() < 0.25:
        text = s.fit(text.upper() if lk.face.has(text.upper().replace(" ", "")) else text, w * 0.95, scale, True)
    if kind < 0.25:
        fill = lk.ink if rng.random() < 0.5 else float(rng.uniform(20, 130))
        s.canvas.bar(x, y, x + w, y + h, fill)
        s.text(x + lk.size * 0.4, y + h * 0.74, text, scale, True, grey=255 if fill < 140 else 0)
    elif kind < 0.4:
        s.canvas.bar(x, y, x + w, y + h, lk.paper * 0.85 if lk.paper > 100 else lk.paper + 35)
        s.text(x + lk.size * 0.4, y + h * 0.74, text, scale, True)
    else:
        s.text(
            x if rng.random() < 0.7 else x + (w - s.length(text, scale, True)) / 2,
            y + h * 0.74,
            text,
            scale,
            True,
        )
        if kind < 0.6:
            s.canvas.bar(x, y + h, x + w, y + h + rng.uniform(0.6, 3), lk.ink)
    return y + h + lk.size * rng.uniform(0.3, 1.0)


def paragraph(s: Sheet, x: float, y: float, w: float) -> float:
    """Running text, at times with boxes in the sentence."""
    rng, lk = s.rng, s.look
    scale = rng.uniform(0.7, 1.1)
    step = lk.size * scale * rng.uniform(1.1, 1.5)
    inline = rng.random() < 0.12 and s.instead == "box"
    underline = rng.random() < 0.06
    strike = rng.random()
    for _ in range(int(rng.integers(1, 8))):
        y += step
        at = x
        if inline and rng.random() < 0.7:
            for _ in range(int(rng.integers(1, 4))):
                text = s.fit(lk.words.phrase(int(rng.integers(1, 5)), False), (x + w - at) - 4 * lk.side, scale)
                if len(text) < 2:
                    break
                at = s.text(at, y, text, scale) + lk.size * rng.uniform(0.1, 0.5)
                side = min(lk.side, lk.size * 1.2)
                at = s.box(at, y - lk.size * scale * 0.36, side) + lk.size * rng.uniform(0.05, 0.5)
        room = x + w - at
        if room > lk.size * 4:
            text = s.fit(lk.words.phrase(max(2, int(room / lk.size / scale / 2.2)), False), room, scale)
            end = s.text(at, y, text, scale)
            if underline and rng.random() < 0.5:
                s.canvas.bar(at, y + 1 + strike * 2, end, y + 2 + strike * 3, lk.ink)
    return y + lk.size * rng.uniform(0.6, 1.4)


def _option(s: Sheet, x: float, middle: float, text: str, scale: float, side: float, box: bool = True) -> float:
    """A box with its label on the usual side; returns the right end."""
    lk = s.look
    base = middle + lk.size * scale * 0.36
    if lk.rtl:
        end = s.text(x, base, text, scale)
        return (s.box(end + lk.gap, middle, side) if box else _radio(s, end + lk.gap, middle, side)) + lk.gap
    at = s.box(x, middle, side) if box else _radio(s, x, middle, side)
    return s.text(at + lk.gap, base, text, scale)


def _radio(s: Sheet, x: float, middle: float, side: float) -> float:
    look.radio(s.canvas, x, middle - side / 2, side, s.look.ink, s.rng.random() < 0.35, s.rng, s.look.paper)
    return x + side


def question(s: Sheet, x: float, y: float, w: float) -> float:
    """A question with options in a row, in columns or as a list; boxes or, as a look-alike, radio circles."""
    rng, lk = s.rng, s.look
    scale = rng.uniform(0.85, 1.1)
    side = lk.side
    boxes = rng.random() < 0.8
    step = max(lk.size * scale * lk.lead, side * rng.uniform(1.02, 1.5))
    number = f"{int(rng.integers(1, 60))}{rng.choice(['.', ')', '', ' -'])} " if rng.random() < 0.5 else ""
    if rng.random() < 0.9:
        y += lk.size * 1.2
        at = s.text(
            x,
            y,
            number + s.fit(lk.words.phrase(int(rng.integers(2, 14))), w - 3 * lk.size, 1.0),
            1.0,
            rng.random() < 0.4,
        )
    else:
        at = x
    layout = rng.random()
    if layout < 0.22 and at < x + w * 0.7:  # on the question's own line, at its right
        n = int(rng.integers(2, 4))
        pos = x + w
        for _ in range(n):
            text = s.fit(lk.words.phrase(1), lk.size * 6, scale)
            width = s.length(text, scale) + lk.gap + side + lk.size * rng.uniform(0.6, 1.5)
            if pos - width < at + lk.size:
                break
            pos -= width
            _option(s, pos, y - lk.size * 0.36, text, scale, side, boxes)
        return y + step * rng.uniform(0.4, 1.0)
    if layout < 0.5:  # rows, ragged
        indent = x + rng.uniform(0, 2) * lk.size
        y += step
        at = indent
        for _ in range(int(rng.integers(2, 9))):
            text = s.fit(lk.words.phrase(int(rng.integers(1, 4))), w * 0.6, scale)
            width = s.length(text, scale) + lk.gap + side
            if at + width > x + w:
                at = indent
                y += step
            if at + width > x + w:
                break
            at = _option(s, at, y, text, scale, side, boxes) + lk.size * rng.uniform(0.7, 3)
        return y + step
    columns = int(rng.choice([1, 1, 1, 2, 2, 3, 4])) if w > 20 * lk.size else 1
    rows = int(rng.integers(2, 8))
    cell = w / columns
    leader = rng.random() < 0.12 and columns <= 2
    y += step * 0.7
    for r in range(rows):
        middle = y + r * step
        for c in range(columns):
            if r == rows - 1 and c > 0 and rng.random() < 0.3:
                continue
            left = x + c * cell + lk.size * 0.5
            room = cell - side - lk.gap - lk.size * 1.2
            text = s.fit(lk.words.phrase(int(rng.integers(1, 7))), room, scale)
            if leader:  # label, dots, box
                base = middle + lk.size * scale * 0.36
                end = s.text(left, base, text, scale)
                for dot in np.arange(end + 4, left + room - lk.gap, lk.size * 0.4):
                    s.canvas.bar(dot, base - 1.2, dot + 1.2, base, lk.ink)
                s.box(left + room + lk.gap, middle, side)
            else:
                end = _option(s, left, middle, text, scale, side, boxes)
                if rng.random() < 0.06 and end < left + room - 3 * lk.size:
                    s.canvas.bar(end + 4, middle + lk.size * 0.4, left + room, middle + lk.size * 0.4 + 1, lk.ink)
    return y + rows * step


def matrix(s: Sheet, x: float, y: float, w: float) -> float:
    """A Likert matrix: statements by rows, boxes in columns; rules, stripes or nothing between."""
    rng, lk = s.rng, s.look
    columns = int(rng.integers(2, 11))
    rows = int(rng.integers(3, 14))
    scale = rng.uniform(0.75, 1.0)
    side = min(lk.side, 0.8 * w * 0.6 / columns)
    if side < 8:
        return y
    step = max(lk.size * scale * rng.uniform(1.2, 2.2), side * rng.uniform(1.05, 2.0))
    left = w * rng.uniform(0.25, 0.5)
    cell = (w - left) / columns
    rules = rng.random() < 0.5
    stripes = rng.random() < 0.3
    y += step
    boxes = rng.random() < 0.82
    for c in range(columns):
        text = s.fit(lk.words.phrase(1), cell * 0.95, scale * 0.85) if rng.random() < 0.8 else str(c + 1)
        width = s.length(text, scale * 0.85)
        s.text(x + left + (c + 0.5) * cell - width / 2, y, text, scale * 0.85, rng.random() < 0.3)
    y += step * 0.4
    line = rng.uniform(0.5, 1.8)
    for r in range(rows):
        top = y + r * step
        if stripes and r % 2:
            s.canvas.bar(x, top, x + w, top + step, lk.paper * 0.92 if lk.paper > 100 else lk.paper + 18)
        s.text(
            x + 3,
            top + step / 2 + lk.size * scale * 0.36,
            s.fit(lk.words.phrase(int(rng.integers(2, 9))), left - 8, scale),
            scale,
        )
        for c in range(columns):
            cx = x + left + (c + 0.5) * cell
            if boxes:
                s.box(cx - side / 2, top + step / 2, side)
            else:
                _radio(s, cx - side / 2, top + step / 2, side)
        if rules:
            s.canvas.bar(x, top, x + w, top + line, lk.ink)
    if rules:
        s.canvas.bar(x, y + rows * step, x + w, y + rows * step + line, lk.ink)
        if rng.random() < 0.6:
            for c in range(columns + 1):
                s.canvas.bar(x + left + c * cell, y, x + left + c * cell + line, y + rows * step, lk.ink)
    return y + rows * step + lk.size * 1.2


def table(s: Sheet, x: float, y: float, w: float) -> float:
    """A ruled table with texts, and boxes in some columns' cells, alone or with a label; often touching the rules."""
    rng, lk = s.rng, s.look
    columns = int(rng.integers(2, 7))
    rows = int(rng.integers(2, 12))
    scale = rng.uniform(0.7, 1.0)
    step = max(lk.size * scale * rng.uniform(1.25, 2.6), lk.side * rng.uniform(1.02, 1.8))
    edges = x + w * np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(columns, 4.0)))])
    line = rng.uniform(0.5, 2.2)
    kinds = rng.choice(
        ["text", "box", "boxes", "digits", "blank", "bare"], columns, p=[0.4, 0.27, 0.13, 0.1, 0.06, 0.04]
    )
    hand = random_hand(rng, float(lk.size))
    tight = rng.random() < 0.15
    for r in range(rows):
        top = y + r * step
        middle = top + step / 2
        base = middle + lk.size * scale * 0.36
        for c in range(columns):
            left, right = float(edges[c]), float(edges[c + 1])
            kind = kinds[c] if r > 0 else "text"
            room = right - left - 8
            if kind == "text":
                s.text(
                    left + 4,
                    base,
                    s.fit(lk.words.phrase(int(rng.integers(1, 6))), room, scale),
                    scale,
                    r == 0,
                )
            elif kind == "digits":
                s.text(
                    left + 4,
                    base,
                    s.fit(f"{rng.uniform(0, 10 ** rng.integers(1, 6)):,.2f}", room, scale),
                    scale,
                )
            elif kind == "box" and room > lk.side:
                s.box(left + line if tight else (left + right - lk.side) / 2, middle)
            elif kind == "bare" and rng.random() < 0.4:  # ticked without a box
                cell = (
                    (left + right - lk.size) / 2,
                    middle - lk.size / 2,
                    (left + right + lk.size) / 2,
                    middle + lk.size / 2,
                )
                draw_mark(s.canvas.image, cell, rng, hand, kind=str(rng.choice(["tick", "cross", "dash"])), room=1.2)
            elif kind == "boxes":
                at = left + 4
                while at + lk.side * 2 < right and rng.random() < 0.85:
                    at = s.box(at, middle) + lk.gap
                    text = s.fit(lk.words.phrase(1), right - at - 4, scale)
                    at = s.text(at, base, text, scale) + lk.gap * 1.5
    for r in range(rows + 1):
        s.canvas.bar(x, y + r * step, x + w, y + r * step + line, lk.ink)
    if rng.random() < 0.8:
        for e in edges:
            s.canvas.bar(float(e), y, float(e) + line, y + rows * step + line, lk.ink)
    return y + rows * step + lk.size * 1.2


def box_grid(s: Sheet, x: float, y: float, w: float) -> float:
    """A dense grid of boxes with letters or numbers: answer sheets, inventories."""
    rng, lk = s.rng, s.look
    side = min(lk.side, 30.0)
    pitch_x = side * rng.uniform(1.15, 2.6)
    pitch_y = side * rng.uniform(1.12, 2.2)
    labels = str(rng.choice(["none", "number", "letter", "row"]))
    columns = int(np.clip(w / pitch_x - 2, 1, rng.integers(4, 40)))
    rows = int(rng.integers(3, 25))
    scale = min(1.0, side / lk.size * 0.8)
    if labels in ("number", "letter"):
        pitch_x = max(pitch_x, side + s.length("00", scale) + 8)
        columns = int(np.clip(w / pitch_x, 1, columns))
    for r in range(rows):
        middle = y + (r + 0.5) * pitch_y
        if middle > s.canvas.height - side:
            break
        if labels == "row":
            s.text(x, middle + lk.size * scale * 0.36, str(r + 1), scale)
        for c in range(columns):
            left = x + 2.2 * lk.size + c * pitch_x
            if left + side > x + w:
                break
            end = s.box(left, middle, side)
            if labels in ("number", "letter"):
                text = str(r * columns + c + 1)[-2:] if labels == "number" else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[c % 26]
                s.text(end + 2, middle + lk.size * scale * 0.36, text, scale)
    return y + rows * pitch_y + lk.size


def fields(s: Sheet, x: float, y: float, w: float) -> float:
    """Labels with text fields, combs, lines: the body of any form, without boxes."""
    rng, lk = s.rng, s.look
    kind = str(rng.choice(["line", "frame", "comb", "chars", "cells", "dots"]))
    for _ in range(int(rng.integers(1, 6))):
        y += lk.size * lk.lead * 1.15
        at = s.text(x, y, s.fit(lk.words.phrase(int(rng.integers(1, 5))), w * 0.4)) + lk.size * 0.5
        right = x + w * (1.0 if rng.random() < 0.6 else rng.uniform(0.6, 1))
        if right - at < 3 * lk.size:
            continue
        s.lines.append((at, y + 1, right - at, lk.size * 1.2))
        look.field(
            s.canvas,
            at,
            y + 3,
            right - at,
            lk.size * rng.uniform(1.1, 1.6),
            kind,
            lk.ink,
            rng,
            lk.latin.font(lk.size),
        )
    return y + lk.size * 1.3


def two_sided(s: Sheet, x: float, y: float, w: float) -> float:
    """Numbered statements with a box at either side, between coloured bars, as on accident reports."""
    rng, lk = s.rng, s.look
    scale = rng.uniform(0.75, 1.0)
    step = max(lk.size * scale * rng.uniform(1.3, 2.6), lk.side * rng.uniform(1.15, 2.0))
    rows = int(rng.integers(4, 18))
    bar = lk.size * rng.uniform(0, 1.2) if rng.random() < 0.7 else 0.0
    fill = lk.tint(float(rng.uniform(0.1, 0.8)))
    if bar:
        s.canvas.bar(x, y, x + bar, y + rows * step, fill)
        s.canvas.bar(x + w - bar, y, x + w, y + rows * step, fill)
    both = rng.random() < 0.75
    numbered = rng.random() < 0.8
    line = rng.uniform(0.6, 2)
    inset = bar + rng.uniform(0.0, 1.0) * lk.size
    for r in range(rows):
        middle = y + (r + 0.5) * step
        base = middle + lk.size * 0.36
        end = s.box(x + inset, middle)
        number = str(r + 1) if numbered else ""
        end = s.text(end + lk.gap * 0.5, base, number)
        right = x + w - inset
        if both:
            right -= lk.side
            s.box(right, middle)
            right -= s.length(number) + lk.gap * 0.5
            s.text(right, base, number)
        text = s.phrase(2, 9, right - end - lk.size, scale)
        left = end + (right - end - s.length(text, scale)) / 2 if both else end + lk.gap
        s.text(left, middle + lk.size * scale * 0.36, text, scale)
    s.canvas.frame(x, y - 2, x + w, y + rows * step + 2, line, lk.ink)
    return y + rows * step + lk.size * 1.2


def cells(s: Sheet, x: float, y: float, w: float) -> float:
    """Official forms' rows of ruled cells: a tiny caption above, and an entry, a number or a few boxes in it."""
    rng, lk = s.rng, s.look
    line = rng.uniform(0.5, 1.6)
    small = rng.uniform(0.6, 0.8)
    tint = lk.tint(float(rng.uniform(0.03, 0.16))) if rng.random() < 0.35 else None
    for _ in range(int(rng.integers(2, 8))):
        h = lk.size * rng.uniform(2.0, 3.4)
        n = int(rng.integers(1, 5))
        edges = x + w * np.concatenate([[0], np.cumsum(rng.dirichlet(np.full(n, 3.0)))])
        for c in range(n):
            left, right = float(edges[c]), float(edges[c + 1])
            if tint is not None and rng.random() < 0.5:
                s.canvas.bar(left, y, right, y + h, tint)
            at = left + 3
            if rng.random() < 0.4:
                at = s.text(at, y + lk.size * 0.95, str(int(rng.integers(1, 60))), small, True) + 4
            s.text(at, y + lk.size * 0.95, s.phrase(1, 6, right - at - 3, small), small)
            base = y + h - lk.size * 0.35
            if rng.random() < 0.4:
                at = left + lk.size * rng.uniform(0.3, 2)
                side = min(lk.side, h - lk.size * 0.9)
                while side >= 8 and at + side + 3 * lk.size < right and rng.random() < 0.85:
                    end = s.box(at, y + h - lk.size * 0.25 - side / 2, side) + min(lk.gap, lk.size * 0.5)
                    at = s.text(end, base, s.phrase(1, 2, right - end - 2, 0.9), 0.9) + lk.size * rng.uniform(0.6, 1.6)
            else:
                s.lines.append((left + 4, base, right - left - 8, lk.size))
            s.canvas.bar(right - line, y, right, y + h, lk.ink)
        s.canvas.bar(x, y, x + w, y + line, lk.ink)
        s.canvas.bar(x, y, x + line, y + h, lk.ink)
        y += h
    s.canvas.bar(x, y, x + w, y + line, lk.ink)
    return y + lk.size * rng.uniform(0.3, 1.2)


def line_items(s: Sheet, x: float, y: float, w: float) -> float:
    """Tax-form lines: a number, text, dot leaders, boxes in the line or at its end, ruled amount cells."""
    rng, lk = s.rng, s.look
    step = max(lk.size * rng.uniform(1.2, 1.6), min(lk.side, lk.size * 1.3) * 1.05)
    side = min(lk.side, step * 0.95)
    amount = lk.size * rng.uniform(5, 9)
    number_cell = lk.size * rng.uniform(1.6, 2.4)
    right = x + w - amount - number_cell
    rows = int(rng.integers(4, 22))
    line = rng.uniform(0.6, 1.4)
    if right - x < 16 * lk.size:
        return y
    for r in range(rows):
        base = y + step * 0.76
        middle = base - lk.size * 0.36
        tag = f"{r + 1}{'abcd'[r % 4] if rng.random() < 0.2 else ''}"
        s.text(x, base, tag, 1.0, True)
        at = x + 2.6 * lk.size
        if rng.random() < 0.35:
            for _ in range(int(rng.integers(1, 4))):
                at = s.text(at, base, s.phrase(1, 4, right - at - 5 * lk.size)) + lk.size * 0.6
                if at + side + 4 * lk.size > right:
                    break
                at = s.box(at, middle, side) + min(lk.gap, lk.size * 0.6)
            at = s.text(at, base, s.phrase(1, 2, max(lk.size, right - at - lk.size)))
        else:
            at = s.text(at, base, s.phrase(3, 16, right - at - lk.size))
        if rng.random() < 0.6:
            for dot in np.arange(at + lk.size, right - lk.size, lk.size * rng.choice([0.5, 1.2])):
                s.canvas.round_bar(float(dot), base - 1.6, float(dot) + 1.6, base, 1, lk.ink)
        if rng.random() < 0.12:
            s.box(right - side - 3, middle, side)
        s.canvas.frame(right, y, right + number_cell, y + step + line, line, lk.ink)
        s.text(right + (number_cell - s.length(tag, 0.9, True)) / 2, base, tag, 0.9, True)
        s.canvas.bar(right + number_cell, y + step, x + w, y + step + line, lk.ink)
        if rng.random() < 0.05:
            s.canvas.bar(right, y, right + number_cell, y + step, lk.tint(0.3))
        s.lines.append((right + number_cell + 2, base, amount - 4, lk.size))
        y += step
    return y + lk.size


def gap(s: Sheet, x: float, y: float, w: float) -> float:
    """White space, at times a rule."""
    if s.rng.random() < 0.4:
        s.canvas.bar(x, y, x + w, y + s.rng.uniform(0.6, 4), s.look.ink)
    return y + s.look.size * s.rng.uniform(0.4, 2)


def lookalike(s: Sheet, x: float, y: float, w: float) -> float:
    """Something that is no checkbox but resembles one."""
    lk = s.look
    return look.section(s.canvas, x, y, w, lk.size, lk.ink, lk.paper, lk.face, lk.latin, s.fonts, lk.words, s.rng)


def damage(s: Sheet, x: float, y: float, w: float) -> float:
    """Vehicles to mark damage on, under a line of text."""
    lk = s.look
    s.text(x, y + lk.size, s.phrase(2, 7, w))
    return vehicles(s.canvas, x, y + lk.size * s.rng.uniform(1.5, 3), w, lk.size, lk.ink, s.rng)


SECTIONS: dict[str, Section] = {
    "heading": heading,
    "paragraph": paragraph,
    "question": question,
    "matrix": matrix,
    "table": table,
    "grid": box_grid,
    "fields": fields,
    "two_sided": two_sided,
    "cells": cells,
    "line_items": line_items,
    "gap": gap,
    "lookalike": lookalike,
    "damage": damage,
}

# Chances of the sections on each kind of page, in the order of SECTIONS; they are scaled to a sum of one.
KINDS: dict[str, tuple[float, ...]] = {
    "form": (12, 9, 36, 4, 7, 1, 11, 5, 4, 0, 6, 6, 5),
    "official": (8, 5, 12, 1, 4, 0, 8, 2, 28, 22, 3, 6, 6),
    "survey": (8, 6, 30, 36, 5, 5, 3, 0, 0, 0, 4, 3, 0),
    "tabular": (10, 6, 10, 10, 40, 4, 5, 5, 4, 0, 3, 6, 3),
    "answers": (10, 5, 10, 10, 5, 45, 3, 5, 0, 0, 3, 4, 0),
    "mixed": (10, 10, 18, 4, 8, 3, 11, 4, 3, 3, 5, 25, 10),
    "none": (12, 22, 0, 0, 0, 0, 14, 0, 0, 0, 5, 47, 14),
}
KIND_WEIGHTS = (0.32, 0.17, 0.1, 0.12, 0.04, 0.17, 0.08)


def _fill_column(s: Sheet, x: float, y: float, w: float, bottom: float, chances: tuple[float, ...]) -> None:
    names = list(SECTIONS)
    p = np.array(chances) / sum(chances)
    while y < bottom:
        name = names[int(s.rng.choice(len(names), p=p))]
        if w < 14 * s.look.size and name in ("matrix", "table", "two_sided", "cells", "line_items"):
            name = "question"
        top = y
        y = SECTIONS[name](s, x, y, w)
        if s.rng.random() < 0.06:  # on a tinted panel
            pad = 0.4 * s.look.size
            panel = (slice(max(0, int(top - pad)), max(0, int(y + pad))), slice(max(0, int(x - pad)), int(x + w + pad)))
            shade = s.rng.uniform(0.75, 0.97)
            s.canvas.image[panel] = (s.canvas.image[panel] * shade).astype(np.uint8)
        y += s.rng.uniform(0, 0.6) * s.look.size


def _fill_paper(s: Sheet) -> None:
    """Lays out a page of one kind in one to three columns."""
    rng, lk = s.rng, s.look
    width, height = s.canvas.width, s.canvas.height
    kind = str(rng.choice(list(KINDS), p=KIND_WEIGHTS))
    if kind == "none":
        s.instead = "nothing"
    columns = int(rng.choice([1, 2, 3], p=[0.62, 0.3, 0.08])) if width > 40 * lk.size else 1
    margin = width * rng.uniform(0.01, 0.09)
    # A crop of a larger page starts anywhere, so that boxes lie at the edges, too.
    top = rng.uniform(0.01, 0.08) * height if rng.random() < 0.7 else -rng.uniform(0, 200)
    if rng.random() < 0.15:
        margin = -rng.uniform(0, 0.6) * lk.side
    inner = width - 2 * margin
    gutter = lk.size * rng.uniform(0.8, 2.5)
    cell = (inner - gutter * (columns - 1)) / columns
    for c in range(columns):
        _fill_column(s, margin + c * (cell + gutter), top, cell, height * rng.uniform(0.9, 1.05), KINDS[kind])
        if columns > 1 and c and rng.random() < 0.3:
            x = margin + c * (cell + gutter) - gutter / 2
            s.canvas.bar(x, 0, x + 1, height, lk.ink)


def _size(rng: Rng) -> tuple[int, int]:
    """Width and height: portrait mostly, some landscape, some crops."""
    long = int(rng.uniform(900, 1500))
    r = rng.random()
    if r < 0.55:
        return round(long / rng.choice([1.294, 1.414, 1.33])), long
    if r < 0.75:
        return long, round(long / rng.uniform(1.2, 1.8))
    side = int(rng.uniform(640, 900))
    return side, int(side * rng.uniform(0.8, 1.25))


def _marks(s: Sheet) -> None:
    """Pen marks and strays over the finished page; sets the states of what the pen fills."""
    rng, lk = s.rng, s.look
    n = len(s.boxes)
    if not n:
        return
    b = np.array(s.boxes)
    centre = (b[:, :2] + b[:, 2:]) / 2
    side = np.minimum(b[:, 2] - b[:, 0], b[:, 3] - b[:, 1])
    pen = (not lk.printed or rng.random() < (0.03 if lk.screen else 0.12)) and not lk.dark
    hands: list[Hand] = [random_hand(rng, float(np.median(side))) for _ in range(1 if rng.random() < 0.8 else 2)]
    strays = rng.random() < 0.25
    stray_share = rng.uniform(0.03, 0.2)
    for i in range(n):
        if s.states[i] != EMPTY:
            continue
        hand = hands[int(rng.integers(len(hands)))]
        if pen and rng.random() < lk.share:
            d = np.abs(centre - centre[i]).max(1)
            d[i] = np.inf
            room = float(np.clip((d.min() / side[i] - 0.5) * 2, 0.8, 5)) if n > 1 else 5.0
            draw_mark(s.canvas.image, s.boxes[i], rng, hand, room=room)
            s.states[i] = FILLED
        elif strays and rng.random() < stray_share:
            draw_stray(s.canvas.image, s.boxes[i], rng, hand if rng.random() < 0.6 else None)


def draw_page(rng: Rng, fonts: FontBook | None = None, screens: float = 0.22) -> Page:
    """A synthetic page, grey, about 640 to 1500 pixels on its long side, undegraded.

    rng: the page depends on it (and on the installed fonts and icons) alone.  fonts: the faces to use; by default the
    part of the installed ones that is not kept for validation.  screens: the share of pages that are screenshots.
    """
    fonts = book(0) if fonts is None else fonts
    screen = rng.random() < screens
    lk = random_look(rng, fonts, screen)
    if lk.dark:
        lk.printed = True
    width, height = _size(rng)
    # Small originals: drawn small and enlarged, as the pipeline enlarges small pictures.
    enlarge = float(rng.uniform(1.3, 3.2)) if rng.random() < (0.25 if screen else 0.08) else 1.0
    if enlarge > 1:
        width, height = round(width / enlarge), round(height / enlarge)
        lk.size, lk.side = max(8, round(lk.size * 0.75)), max(8.0, lk.side * 0.75)
    s = Sheet(rng, width, height, lk, fonts)
    if rng.random() < 0.17:
        s.instead = STAND_INS[int(rng.choice(len(STAND_INS), p=[0.38, 0.36, 0.08, 0.04, 0.04, 0.1]))]
    if screen and rng.random() < 0.85:
        fill_screen(s)
    else:
        _fill_paper(s)
    if not screen:
        add_clutter(s)
    _marks(s)
    page = s.page()
    if enlarge > 1:
        way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        wide, high = round(width * enlarge), round(height * enlarge)
        page.image = np.asarray(cv2.resize(page.image, (wide, high), interpolation=way), np.uint8)
        # Not by `enlarge`: a box at the page's edge would end a fraction of a pixel beyond it.
        page.boxes = page.boxes * np.array([wide / width, high / height] * 2, np.float32)
    return page


def sheet(pages: list[Page], columns: int = 3, width: int = 700) -> np.ndarray:
    """A contact sheet, RGB, of pages with their boxes: green empty, red filled, blue ignored."""
    tiles = []
    for page in pages:
        image = page.image if page.image.ndim == 3 else np.repeat(page.image[..., None], 3, 2)
        image = np.ascontiguousarray(image)
        for box, state in zip(page.boxes, page.states, strict=True):
            colour = {0: (0, 170, 0), 1: (230, 0, 0)}.get(int(state), (0, 90, 255))
            x1, y1, x2, y2 = np.round(box).astype(int).tolist()
            cv2.rectangle(image, (x1 - 3, y1 - 3), (x2 + 2, y2 + 2), colour, 1)
        k = width / image.shape[1]
        tile = np.asarray(cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA))[: width * 4 // 3]
        tiles.append(
            np.pad(
                tile,
                ((0, width * 4 // 3 - tile.shape[0] + 6), (0, width - tile.shape[1] + 6), (0, 0)),
                constant_values=128,
            )
        )
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 128))
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main() -> None:
    """Draws a contact sheet to look at."""
    parser = argparse.ArgumentParser(description="Draw a contact sheet of synthetic pages.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--degrade", action="store_true")
    parser.add_argument("--width", type=int, default=700)
    arguments = parser.parse_args()
    pages = []
    for i in range(arguments.count):
        rng = np.random.default_rng([arguments.seed, i])
        page = draw_page(rng)
        pages.append(degrade(page, rng) if arguments.degrade else page)
    cv2.imwrite(str(arguments.out), sheet(pages, width=arguments.width)[..., ::-1])


if __name__ == "__main__":
    main()
