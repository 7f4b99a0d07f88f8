"""Screenshots: windows, lists, settings, mail, tables, trees and web forms, with the controls that surround checkboxes."""

from __future__ import annotations

import numpy as np

from model import icons
from model import lookalikes as look
from model.sheet import Sheet

REAL = 0.75  # of the icons on a screen, where real ones are to be had
SEEN = 60.0  # grey levels by which the signs of a bar differ from it, at least


def _switch(s: Sheet, x: float, middle: float, h: float) -> float:
    """A toggle switch; returns its right end."""
    on = s.rng.random() < 0.5
    w = h * s.rng.uniform(1.6, 2.1)
    track = float(s.rng.uniform(60, 150)) if on else s.look.tint(0.25)
    s.canvas.round_bar(x, middle - h / 2, x + w, middle + h / 2, h / 2, track)
    r = h * 0.38
    cx = x + w - h / 2 if on else x + h / 2
    s.canvas.round_bar(cx - r, middle - r, cx + r, middle + r, r, 255 if not s.look.dark or on else s.look.tint(0.7))
    return x + w


def _icon(s: Sheet, x: float, middle: float, side: float, grey: float | None = None) -> float:
    real = icons.stock()
    if real is not None and grey is None and s.rng.random() < REAL:
        icons.put(s.canvas, real, x, middle - side / 2, side, s.rng)
        return x + side
    kind = look.ICONS[int(s.rng.integers(len(look.ICONS)))]
    ink = s.look.tint(0.7) if grey is None else grey
    look.icon(s.canvas, kind, x, middle - side / 2, side, ink, s.look.paper, s.rng)
    return x + side


def _chip(s: Sheet, x: float, middle: float, text: str, scale: float) -> float:
    """A tag: short text on a rounded ground."""
    size = s.look.size * scale
    w = s.length(text, scale) + size
    fill = s.look.tint(float(s.rng.choice([0.1, 0.2, 0.7])))
    s.canvas.round_bar(
        x, middle - size * 0.75, x + w, middle + size * 0.75, float(s.rng.choice([2, size * 0.75])), fill
    )
    grey = s.look.ink if abs(fill - s.look.ink) > 100 else s.look.paper
    s.text(x + size / 2, middle + size * 0.34, text, scale, grey=grey)
    return x + w


def _label(s: Sheet, x: float, middle: float, text: str, scale: float = 1.0, grey: float | None = None) -> float:
    return s.text(x, middle + s.look.size * scale * 0.36, text, scale, grey=grey)


def _struck(s: Sheet, x: float, middle: float, text: str) -> float:
    """A done item, struck through."""
    end = _label(s, x, middle, text, grey=s.look.tint(0.5))
    s.canvas.bar(x, middle, end, middle + max(1.0, s.look.size * 0.07), s.look.tint(0.5))
    return end


def todo(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A list of tasks: box, text, date, tags, icons."""
    rng, lk = s.rng, s.look
    pitch = max(lk.size * rng.uniform(1.6, 3.2), lk.side * 1.2)
    rule = rng.random() < 0.5
    cards = rng.random() < 0.25
    for _ in range(int(rng.integers(3, 16))):
        middle = y + pitch / 2
        if y + pitch > bottom:
            break
        if cards:
            s.canvas.round_bar(x, y + 2, x + w, y + pitch - 2, 6, lk.tint(0.07))
        at = x + lk.size * 0.8
        if rng.random() < 0.1:
            at += lk.size * 1.6  # a sub-task
        filled = bool(rng.random() < lk.share)
        at = s.box(at, middle, filled=filled) + max(lk.gap, 4)
        text = s.phrase(1, 8, x + w - at - 9 * lk.size)
        at = _struck(s, at, middle, text) if filled and cards else _label(s, at, middle, text)
        if rng.random() < 0.3:
            at = _chip(s, at + lk.size, middle, s.phrase(1, 1, 6 * lk.size, 0.75), 0.75)
        right = x + w - lk.size * 1.4
        for _ in range(int(rng.integers(0, 4))):
            if right - 1.2 * lk.size < at + lk.size:
                break
            _icon(s, right, middle, lk.size * 0.95)
            right -= lk.size * 1.8
        if rule:
            s.canvas.bar(x, y + pitch - 1, x + w, y + pitch, lk.tint(0.15))
        y += pitch
    return y + lk.size


def mail(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """An inbox or a file manager: box, star or icon, sender, subject, date."""
    rng, lk = s.rng, s.look
    pitch = max(lk.size * rng.uniform(1.7, 2.8), lk.side * 1.25)
    y += pitch * 0.2
    header = rng.random() < 0.7
    for r in range(int(rng.integers(4, 24))):
        middle = y + pitch / 2
        if y + pitch > bottom:
            break
        at = x + lk.size * 0.6
        if header and r == 0:
            at = s.box(at, middle, filled=False) + lk.size
            for _ in range(int(rng.integers(2, 7))):
                at = _icon(s, at, middle, lk.size * 1.1) + lk.size * 1.2
        else:
            filled = bool(rng.random() < lk.share)
            if filled and rng.random() < 0.8:
                s.canvas.bar(x, y, x + w, y + pitch, lk.tint(0.1))
            at = s.box(at, middle, filled=filled) + lk.size * 0.8
            if rng.random() < 0.7:
                at = _icon(s, at, middle, lk.size * rng.uniform(0.9, 1.3)) + lk.size * 0.6
            at = max(at, x + 5 * lk.size)
            _label(s, at, middle, s.phrase(1, 2, w * 0.18))
            _label(s, x + w * 0.32, middle, s.phrase(3, 14, w * 0.52))
            date = f"{int(rng.integers(1, 29))}.{int(rng.integers(1, 13))}."
            _label(s, x + w - s.length(date) - lk.size, middle, date)
        s.canvas.bar(x, y + pitch - 1, x + w, y + pitch, lk.tint(0.12))
        y += pitch
    return y + lk.size


def settings(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """Preferences: captions, boxes with help text, radio groups, switches, drop-down lists, sliders."""
    rng, lk = s.rng, s.look
    pitch = max(lk.size * rng.uniform(1.7, 2.6), lk.side * 1.2)
    for _ in range(int(rng.integers(2, 6))):
        if y + 3 * pitch > bottom:
            break
        s.text(x, y + pitch * 0.7, s.phrase(1, 4, w * 0.8, 1.1, True), 1.1, True)
        y += pitch
        grouped = rng.random() < 0.25
        top = y - pitch * 0.4
        control = str(rng.choice(["box", "box", "box", "radio", "switch", "select", "slider"]))
        for _ in range(int(rng.integers(1, 7))):
            middle = y + pitch / 2
            if y + pitch > bottom:
                break
            at = x + lk.size * (1.0 if grouped else 0.2)
            if control == "box":
                filled = bool(rng.random() < lk.share)
                at = s.box(at, middle, filled=filled) + max(lk.gap, 3)
                grey = lk.tint(0.4) if rng.random() < 0.08 else None
                _label(s, at, middle, s.phrase(1, 9, x + w - at), grey=grey)
                if rng.random() < 0.2:
                    y += pitch * 0.75
                    _label(s, at, y + pitch * 0.45, s.phrase(4, 14, x + w - at, 0.8), 0.8, lk.tint(0.6))
            elif control == "radio":
                look.radio(s.canvas, at, middle - lk.side / 2, lk.side, lk.ink, rng.random() < 0.3, rng, lk.paper)
                _label(s, at + lk.side + max(lk.gap, 3), middle, s.phrase(1, 6, w * 0.7))
            elif control == "switch":
                left = rng.random() < 0.5
                end = _switch(s, at if left else x + w - 4 * lk.size, middle, lk.size * rng.uniform(0.9, 1.4))
                _label(s, end + lk.size * 0.6 if left else at, middle, s.phrase(1, 6, w * 0.55))
            elif control == "select":
                end = _label(s, at, middle, s.phrase(1, 3, w * 0.35)) + lk.size
                width = min(x + w - end, lk.size * rng.uniform(6, 14))
                if width > 4 * lk.size:
                    s.canvas.round_bar(end, middle - lk.size, end + width, middle + lk.size, 3, lk.tint(0.4), 1)
                    _label(s, end + lk.size * 0.5, middle, s.phrase(1, 2, width - 3 * lk.size))
                    tip = np.array([(-0.3, -0.15), (0, 0.2), (0.3, -0.15)]) * lk.size + (
                        end + width - lk.size,
                        middle,
                    )
                    s.canvas.path(tip, 1.4, lk.ink)
            else:
                end = x + w * rng.uniform(0.4, 0.9)
                s.canvas.bar(at, middle - 1.5, end, middle + 1.5, lk.tint(0.3))
                knob = rng.uniform(at, end)
                r = lk.size * 0.5
                if rng.random() < 0.6:
                    s.canvas.round_bar(knob - r, middle - r, knob + r, middle + r, r, lk.tint(0.8))
                else:
                    s.canvas.round_bar(knob - r * 0.6, middle - r, knob + r * 0.6, middle + r, 2, lk.tint(0.6))
            y += pitch
        if grouped:
            s.canvas.round_bar(x, top, x + w, y + pitch * 0.2, 3, lk.tint(0.35), 1)
        y += lk.size * rng.uniform(0.6, 1.6)
    return y


def grid_view(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A data table with a column to select rows, sort arrows, tags, menus."""
    rng, lk = s.rng, s.look
    pitch = max(lk.size * rng.uniform(1.7, 3.2), lk.side * 1.25)
    columns = int(rng.integers(2, 7))
    left = x + lk.side + lk.size * 2
    edges = np.linspace(left, x + w - 2 * lk.size, columns + 1)
    rows = int(rng.integers(3, 18))
    kinds = rng.choice(["text", "number", "chip", "check", "tick", "icon"], columns, p=[0.4, 0.2, 0.1, 0.14, 0.06, 0.1])
    s.canvas.bar(x, y, x + w, y + pitch, lk.tint(float(rng.choice([0.0, 0.06, 0.15]))))
    grid = rng.random() < 0.3
    menus = rng.random() < 0.2  # each column has a button for its menu
    for r in range(rows):
        middle = y + pitch / 2
        if y + pitch > bottom:
            break
        s.box(x + lk.size * 0.7, middle, filled=bool(rng.random() < lk.share))
        for c in range(columns):
            at, room = float(edges[c]) + 3, float(edges[c + 1] - edges[c]) - lk.size
            kind = "text" if r == 0 else str(kinds[c])
            if r == 0 and menus:
                _arrow(s, at + room - lk.size * 0.6, middle, lk.size * 1.05)
                room -= lk.size
            if kind == "text":
                s.text(at, middle + lk.size * 0.36, s.phrase(1, 3, room), 1.0, r == 0)
            elif kind == "number":
                _label(s, at, middle, s.fit(f"{rng.uniform(0, 9999):.2f}", room))
            elif kind == "chip" and room > 5 * lk.size:
                _chip(s, at, middle, s.phrase(1, 1, room - lk.size, 0.8), 0.8)
            elif kind == "check":
                s.box(at + room * 0.4, middle)
            elif kind == "tick":
                tick = np.array([(-0.4, 0), (-0.1, 0.3), (0.4, -0.3)]) * lk.size + (at + room * 0.4, middle)
                cross = rng.random() < 0.4
                if cross:
                    _icon_close(s, at + room * 0.4, middle)
                else:
                    s.canvas.path(tick, max(1.2, lk.size * 0.1), lk.ink)
            elif kind == "icon":
                _icon(s, at, middle, lk.size)
        for k in range(3):
            dot = x + w - lk.size, middle + (k - 1) * lk.size * 0.35
            s.canvas.round_bar(dot[0] - 1.3, dot[1] - 1.3, dot[0] + 1.3, dot[1] + 1.3, 2, lk.tint(0.7))
        s.canvas.bar(x, y + pitch - 1, x + w, y + pitch, lk.tint(0.18))
        if grid:
            for e in edges:
                s.canvas.bar(float(e), y, float(e) + 1, y + pitch, lk.tint(0.18))
        y += pitch
    return y + lk.size


def _icon_close(s: Sheet, x: float, middle: float) -> None:
    look.icon(
        s.canvas,
        "close",
        x - s.look.size * 0.35,
        middle - s.look.size * 0.35,
        s.look.size * 0.7,
        s.look.ink,
        s.look.paper,
        s.rng,
    )


def tree(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A tree with expanders, boxes and folder icons."""
    rng, lk = s.rng, s.look
    pitch = max(lk.size * rng.uniform(1.3, 1.9), lk.side * 1.12)
    depth = 0
    boxes = rng.random() < 0.7
    framed = rng.random() < 0.5
    dotted, closed = rng.random() < 0.6, rng.uniform(0.1, 0.9)
    for _ in range(int(rng.integers(4, 26))):
        middle = y + pitch / 2
        if y + pitch > bottom:
            break
        at = x + depth * lk.size * 1.5 + 4
        side = lk.size * 0.65
        if framed:  # [+] and [-] of old Windows, and the dots that lead to them
            if dotted:
                for dot in range(round(y), round(y + pitch), 2):
                    s.canvas.bar(round(at + side / 2), dot, round(at + side / 2) + 1, dot + 1, lk.tint(0.6))
                for dot in range(round(at + side / 2), round(at + side * 1.7), 2):
                    s.canvas.bar(dot, round(middle), dot + 1, round(middle) + 1, lk.tint(0.6))
            if rng.random() < 0.8:
                expander(s, at, middle, side * 1.1, rng.random() < closed)
        else:
            tip = np.array([(-0.2, -0.3), (0.2, 0), (-0.2, 0.3)]) * lk.size + (at + side / 2, middle)
            s.canvas.path(tip, 1.4, lk.ink)
        at += side * 1.8
        if boxes:
            at = s.box(at, middle) + 4
        if rng.random() < 0.6:
            at = _icon(s, at, middle, lk.size * 0.95) + 4
        _label(s, at, middle, s.phrase(1, 4, x + w - at))
        depth = int(np.clip(depth + rng.choice([-1, 0, 0, 1]), 0, 5))
        y += pitch
    return y + lk.size


def web_form(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A sign-up or filter form: fields, drop-downs, consent boxes with long labels, buttons."""
    rng, lk = s.rng, s.look
    width = min(w, lk.size * rng.uniform(18, 40))
    radius = float(rng.choice([0, 3, 6]))
    while y < bottom - 5 * lk.size:
        r = rng.random()
        if r < 0.45:
            s.text(x, y + lk.size, s.phrase(1, 3, width))
            h = lk.size * rng.uniform(1.8, 2.6)
            s.canvas.round_bar(x, y + lk.size * 1.5, x + width, y + lk.size * 1.5 + h, radius, lk.tint(0.35), 1)
            if rng.random() < 0.5:
                s.text(
                    x + lk.size * 0.6,
                    y + lk.size * 1.5 + h * 0.65,
                    s.phrase(1, 3, width - 2 * lk.size),
                    grey=lk.tint(0.5),
                )
            y += lk.size * 2.2 + h
        elif r < 0.8:
            for _ in range(int(rng.integers(1, 6))):
                pitch = max(lk.side * 1.2, lk.size * 1.7)
                at = s.box(x, y + pitch / 2) + max(lk.gap, 3)
                count = s.phrase(1, 12, width - lk.side - lk.gap)
                end = _label(s, at, y + pitch / 2, count)
                if rng.random() < 0.3:
                    _label(
                        s,
                        end + lk.size * 0.4,
                        y + pitch / 2,
                        f"({int(rng.integers(1, 999))})",
                        0.85,
                        lk.tint(0.5),
                    )
                y += pitch
            y += lk.size
        elif r < 0.9:
            text = s.phrase(1, 2, width * 0.7, 1.0, True)
            h, wide = lk.size * 2.2, s.length(text, 1.0, True) + 2.5 * lk.size
            fill = float(rng.uniform(50, 160))
            s.canvas.round_bar(x, y, x + wide, y + h, radius, fill)
            s.text(x + 1.25 * lk.size, y + h * 0.66, text, 1.0, True, grey=255 if fill < 140 else 0)
            y += h + lk.size
        else:
            s.text(x, y + lk.size * 1.6, s.phrase(1, 5, width, 1.5, True), 1.5, True)
            y += lk.size * 3
    return y


def entries(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A menu, a side bar, a folder's files: an icon and words row by row, in some a box where the others have their icon."""
    rng, lk = s.rng, s.look
    side = lk.size * rng.uniform(0.9, 1.7)
    pitch = max(side * 1.15, lk.size * rng.uniform(1.4, 2.4))
    columns = int(rng.integers(1, 4)) if w > 24 * lk.size else 1
    cell = w / columns
    boxes = float(rng.choice([0.0, 0.12, 0.5], p=[0.5, 0.3, 0.2]))
    keys = columns == 1 and rng.random() < 0.4  # a shortcut, or an icon, at the right end
    for _ in range(int(rng.integers(3, 18))):
        if y + pitch > bottom:
            break
        middle = y + pitch / 2
        for c in range(columns):
            left = x + c * cell + lk.size * 0.4
            if rng.random() < 0.05:
                s.canvas.bar(left, y, x + (c + 1) * cell - 4, y + pitch, lk.tint(0.15))
            end = s.box(left, middle) if rng.random() < boxes else _icon(s, left, middle, side)
            label = _label(
                s, max(end, left + side) + lk.size * 0.5, middle, s.phrase(1, 3, x + (c + 1) * cell - end - lk.size * 3)
            )
            if keys and rng.random() < 0.6 and label < x + w - 6 * lk.size:
                if rng.random() < 0.5:
                    _label(s, x + w - 5 * lk.size, middle, f"Ctrl+{chr(int(rng.integers(65, 91)))}", grey=lk.tint(0.6))
                else:
                    _icon(s, x + w - 2 * lk.size, middle, side * 0.8)
        y += pitch
    return y + lk.size


def _arrow(s: Sheet, x: float, middle: float, side: float) -> float:
    """The little framed button of a drop-down list, a scroll bar or a counter, with an arrow, a plus or a minus in it."""
    rng, lk = s.rng, s.look
    ground = lk.tint(float(rng.choice([0.0, 0.06, 0.15])))
    radius = float(rng.choice([0, 2, 4]))
    s.canvas.round_bar(x, middle - side / 2, x + side, middle + side / 2, radius, ground)
    if rng.random() < 0.75:
        s.canvas.round_bar(
            x, middle - side / 2, x + side, middle + side / 2, radius, lk.tint(rng.uniform(0.25, 0.8)), 1
        )
    tip = np.array([(-0.22, -0.11), (0, 0.13), (0.22, -0.11)])
    turn = int(rng.integers(4))
    for _ in range(turn):
        tip = tip[:, ::-1] * (1, -1)
    tip = tip * side + (x + side / 2, middle)
    kind = rng.random()
    if kind < 0.8:
        full = rng.random() < 0.6
        s.canvas.path(tip, max(1.0, side * 0.09), lk.tint(rng.uniform(0.5, 1.0)), full, full)
    else:
        expander(s, x + side * 0.2, middle, side * 0.6, rng.random() < 0.7)
    return x + side


def tools(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """Tool bars: buttons with icons, bare or framed, some with words; drop-down lists and counters between them."""
    rng, lk = s.rng, s.look
    for _ in range(int(rng.integers(1, 5))):
        side = lk.size * rng.uniform(0.95, 2.2)
        bar = side * rng.uniform(1.3, 1.8)
        if y + bar > bottom:
            break
        ground = lk.tint(float(rng.choice([0.0, 0.05, 0.12, 0.2])))
        s.canvas.bar(x, y, x + w, y + bar, ground)
        framed, words = rng.random() < 0.25, rng.random() < 0.3
        at, middle = x + lk.size * 0.3, y + bar / 2
        while at < x + w - 8 * lk.size:
            kind = rng.random()
            if kind < 0.75:
                if framed:
                    s.canvas.round_bar(
                        at - 3, middle - side / 2 - 3, at + side + 3, middle + side / 2 + 3, 3, lk.tint(0.4), 1
                    )
                at = _icon(s, at, middle, side)
                if words and rng.random() < 0.6:
                    at = _label(s, at + lk.size * 0.3, middle, s.phrase(1, 2, 7 * lk.size))
            elif kind < 0.93:
                room = lk.size * rng.uniform(2.5, 7)
                high = lk.size * rng.uniform(1.3, 1.8)
                s.canvas.bar(at, middle - high / 2, at + room, middle + high / 2, lk.paper)
                s.canvas.frame(at, middle - high / 2, at + room, middle + high / 2, 1, lk.tint(0.4))
                _label(s, at + lk.size * 0.3, middle, s.phrase(1, 1, room - lk.size * 0.6))
                at += room
                for _ in range(int(rng.integers(1, 3))):
                    at = _arrow(s, at, middle, high)
            else:
                s.canvas.bar(at, y + 2, at + 1, y + bar - 2, lk.tint(0.3))
            at += side * rng.uniform(0.2, 0.9) + (6 if framed else 0)
        y += bar
    return y + lk.size * 0.5


def title_bar(s: Sheet, x: float, y: float, w: float) -> float:
    """The bar at the top of a window, with its name and the buttons to hide, to enlarge and to close it; returns its lower edge.

    The button that enlarges is a square, or two, and no checkbox.  Its neighbours may be as far as five of its sides away.
    """
    rng, lk = s.rng, s.look
    bar = lk.size * rng.uniform(1.5, 2.8)
    fill = float(rng.choice([lk.paper, lk.tint(0.1), lk.tint(0.25), 60.0, 110.0, 255.0]))
    darker = [grey for grey in (0.0, 60.0, 100.0) if fill - grey > SEEN]
    grey = 255.0 if fill < 130 else float(rng.choice(darker))
    s.canvas.bar(x, y, x + w, y + bar, fill)
    side = min(max(6.0, lk.size * rng.uniform(0.5, 0.95)), bar * 0.7)
    apart = side * rng.uniform(1.5, 5)
    line = float(rng.choice([1.0, 1.0, 1.3, 2.0]))
    left = rng.random() < 0.12
    end = x + w - side * rng.uniform(1.2, 2.5)
    at = x + side if left else end - 2 * apart
    start, room = x + 3 * apart + 2 * side if left else x + lk.size * 0.6, 0.7 * (w - 3 * apart - 2 * side)
    if rng.random() < 0.8 and room > 2 * lk.size:
        _label(s, start, y + bar * 0.5, s.phrase(1, 4, room), grey=grey)
    top = round(y + (bar - side) / 2)
    framed = apart < 1.9 * side and rng.random() < 0.6  # buttons of old programs, with frames of their own
    for kind in ("minus", "square", "close"):
        low = top + side
        if framed:
            edge = side * 0.32
            s.canvas.round_bar(at - edge, top - edge, at + side + edge, low + edge, rng.uniform(0, 0.2) * side, grey, 1)
        if kind == "minus":
            height = top + side * (0.9 if rng.random() < 0.5 else 0.5)
            s.canvas.bar(at, height - line, at + side, height, grey)
        elif kind == "square":
            # How far a second square stands out behind it, where it makes the window small again.
            back = side * rng.uniform(0.2, 0.3) if rng.random() < 0.25 else 0.0
            a, b = round(at), round(at + side - back)
            if back:
                s.canvas.frame(round(at + back), top, round(at + side), round(low - back), line, grey)
                s.canvas.bar(a, top + back, b, low, fill)
            if rng.random() < 0.2:
                s.canvas.round_bar(a, top + back, b, low, 0.18 * side, grey, line)
            else:
                s.canvas.frame(a, round(top + back), b, round(low), line, grey)
                if rng.random() < 0.3:  # a window with a bar of its own
                    s.canvas.bar(a, round(top + back), b, round(top + back) + max(2 * line, side * 0.2), grey)
        else:
            look.icon(s.canvas, "close", at, top, side, grey, fill, rng)
        at += apart
    if rng.random() < 0.5:
        s.canvas.bar(x, y + bar - 1, x + w, y + bar, lk.tint(0.3))
    return y + bar


def window(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A small window: its bar, a few lines of words, now and then a box with its label."""
    rng, lk = s.rng, s.look
    width = min(w, lk.size * rng.uniform(12, 40))
    low = min(bottom, y + lk.size * rng.uniform(5, 12))
    if low - y < 5 * lk.size or width < 10 * lk.size:
        return y + lk.size
    s.canvas.round_bar(x - 1, y - 1, x + width + 1, low + 1, float(rng.choice([0, 0, 5])), lk.tint(0.5), 1)
    at = title_bar(s, x, y, width) + lk.size * 0.4
    pitch = max(1.5 * lk.size, 1.15 * lk.side)
    while at + pitch < low:
        start = x + lk.size * 0.6
        if rng.random() < 0.2:
            start = s.box(start, at + pitch / 2) + max(lk.gap, 3)
        _label(s, start, at + pitch / 2, s.phrase(1, 6, max(lk.size, x + width - start - lk.size)))
        at += pitch
    return low + lk.size


def gutter(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """Lines of a program with their numbers and the small squares that fold a part away, joined by a line."""
    rng, lk = s.rng, s.look
    pitch = lk.size * rng.uniform(1.2, 1.6)
    number = int(rng.integers(1, 3000))
    side = lk.size * rng.uniform(0.55, 0.85)
    often, closed = rng.uniform(0.15, 1.0), rng.uniform(0, 0.4)
    strip = s.length("0000") + lk.size
    joined = rng.random() < 0.7
    s.canvas.bar(x, y, x + strip, min(bottom, y + 26 * pitch), lk.tint(float(rng.choice([0.0, 0.08, 0.15]))))
    for i in range(int(rng.integers(5, 26))):
        middle = y + pitch / 2
        if y + pitch > bottom:
            break
        _label(s, x + lk.size * 0.3, middle, str(number + i), grey=lk.tint(0.6))
        at = x + strip + side
        if joined:
            s.canvas.bar(at - 0.5, y, at + 0.5, y + pitch, lk.tint(0.5))
        if rng.random() < often:
            expander(s, at - side / 2, middle, side, rng.random() < closed)
        start = at + side * 1.5 + lk.size * float(rng.integers(0, 4))
        _label(s, start, middle, s.phrase(1, 7, max(lk.size, x + w - start)))
        y += pitch
    return y + lk.size


def expander(s: Sheet, x: float, middle: float, side: float, closed: bool) -> None:
    """The square with a plus or a minus before what can be folded away; no checkbox."""
    lk = s.look
    ink, line = lk.tint(float(s.rng.uniform(0.45, 1.0))), 1.0 if side < 16 else side / 14
    x, y, side = round(x), round(middle - side / 2), max(7, round(side) | 1)
    s.canvas.bar(x, y, x + side, y + side, lk.paper if s.rng.random() < 0.8 else lk.tint(0.12))
    if s.rng.random() < 0.2:
        s.canvas.round_bar(x, y, x + side, y + side, 0.2 * side, ink, line)
    else:
        s.canvas.frame(x, y, x + side, y + side, line, ink)
    half, cx, cy = side * s.rng.uniform(0.22, 0.34), x + side / 2, y + side / 2
    s.canvas.bar(cx - half, cy - line / 2, cx + half, cy + line / 2, lk.ink)
    if closed:
        s.canvas.bar(cx - line / 2, cy - half, cx + line / 2, cy + half, lk.ink)


def formulas(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """The signs that an editor of formulas offers: fractions, roots, powers, sums, in which squares stand for what is to come."""
    rng, lk = s.rng, s.look
    cell = lk.size * rng.uniform(2.2, 4.5)
    part = cell * rng.uniform(0.13, 0.24)
    line = float(rng.choice([1.0, 1.0, 1.4, 2.0]))
    ruled = rng.random() < 0.4

    def square(cx: float, cy: float, side: float) -> None:
        s.canvas.frame(
            round(cx - side / 2), round(cy - side / 2), round(cx + side / 2), round(cy + side / 2), line, lk.ink
        )

    for _ in range(int(rng.integers(1, 5))):
        if y + cell > bottom:
            break
        for column in range(min(int(w // cell), int(rng.integers(3, 12)))):
            left = x + column * cell
            cx, cy = left + cell / 2, y + cell / 2
            if ruled:
                s.canvas.frame(left, y, left + cell, y + cell, 1, lk.tint(0.25))
            kind = int(rng.integers(6))
            if kind == 0:  # a fraction
                square(cx, cy - part, part * 1.2)
                square(cx, cy + part, part * 1.2)
                s.canvas.bar(cx - part, cy - line / 2, cx + part, cy + line / 2, lk.ink)
            elif kind == 1:  # a power, an index
                square(cx - part * 0.4, cy, part * 1.4)
                square(cx + part * 0.9, cy - part * float(rng.choice([-1, 1])), part * 0.8)
            elif kind == 2:  # a root
                root = np.array([(-1.6, 0.1), (-1.2, 0.8), (-0.8, -0.9), (1.0, -0.9)]) * part + (cx, cy)
                s.canvas.path(root, line, lk.ink)
                square(cx, cy + part * 0.1, part * 1.3)
            elif kind == 3:  # a sum with its bounds
                total = np.array([(0.6, -0.8), (-0.6, -0.8), (0.1, 0), (-0.6, 0.8), (0.6, 0.8)]) * part + (cx, cy)
                s.canvas.path(total, line, lk.ink)
                square(cx, cy + part * 1.5, part * 0.9)
                square(cx, cy - part * 1.5, part * 0.9)
            elif kind == 4:  # a matrix
                for a in (-0.7, 0.7):
                    for b in (-0.7, 0.7):
                        square(cx + a * part, cy + b * part, part)
            else:
                s.text(cx - part, cy + part, str(rng.choice(list("+=±≠≤≥∞∑∫αβγπΩ"))), cell / lk.size * 0.4)
        y += cell
    return y + lk.size


def diagram(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """A tree or a chain of squares, empty or with a sign, joined by lines: the shapes of a drawing, not boxes to tick."""
    rng, lk = s.rng, s.look
    side = lk.size * rng.uniform(0.9, 3.5)
    step = side * rng.uniform(1.4, 2.5)
    line = side * rng.uniform(0.04, 0.2)
    radius = side * float(rng.choice([0.0, rng.uniform(0.1, 0.3)]))
    count, rows = min(int(w // step), int(rng.integers(2, 7))), int(rng.integers(2, 4))
    if count < 2 or y + rows * step > bottom:
        return y + lk.size
    ink = lk.tint(float(rng.uniform(0.4, 1.0)))

    def stem(left: float, high: float, low: float) -> None:
        """The line to the middle of the square at `left`."""
        s.canvas.bar(left + side / 2 - line / 2, high, left + side / 2 + line / 2, low, ink)

    for row in range(rows):
        top = y + row * step
        places = [x + (count - 1) * step / 2] if row == 0 else [x + i * step for i in range(count)]
        for left in places:
            if row:
                stem(left, top - (step - side), top)
            s.canvas.round_bar(left, top, left + side, top + side, radius, lk.paper)
            s.canvas.round_bar(left, top, left + side, top + side, radius, ink, line)
            if rng.random() < 0.2:
                s.text(left + side * 0.3, top + side * 0.7, str(int(rng.integers(1, 10))), side / lk.size * 0.6)
        if row == 0:
            middle = top + side + (step - side) / 2
            stem(places[0], top + side, middle)
            s.canvas.bar(x + side / 2, middle - line / 2, x + (count - 1) * step + side / 2, middle + line / 2, ink)
    return y + rows * step + lk.size


def faders(s: Sheet, x: float, y: float, w: float, bottom: float) -> float:
    """Sliders as a mixing desk or an equaliser has them: a knob as large as a checkbox, framed, on a track, with or without a scale."""
    rng, lk = s.rng, s.look
    wide = lk.size * rng.uniform(0.7, 1.5)
    high = wide * rng.uniform(0.8, 1.9)
    long = wide * rng.uniform(4, 11)
    pitch = wide * rng.uniform(2.2, 6)
    lying = rng.random() < 0.35
    across, along = (long, pitch) if lying else (pitch, long)
    track, line = float(rng.choice([1.0, 1.0, 2.0, 4.0])), float(rng.choice([1.0, 1.0, 1.5, 2.0]))
    grooves, scale, labels = int(rng.choice([0, 0, 1, 1, 3])), rng.random() < 0.6, rng.random() < 0.7
    radius = float(rng.choice([0.0, 0.0, 2.0, 0.2 * wide]))
    fill = lk.paper if rng.random() < 0.6 else lk.tint(float(rng.uniform(0.05, 0.8)))
    ink = lk.tint(float(rng.uniform(0.4, 1.0)))
    rows = max(1, int((bottom - y) // (along + lk.size))) if lying else 1
    columns = max(1, int((w - 2 * lk.size) // (across + 2 * lk.size)))

    def bar(a: float, b: float, a2: float, b2: float, grey: float, left: float, top: float) -> None:
        """Across a track whose middle starts at (left, top), from a to a2, and along it, from b to b2."""
        if lying:
            a, b, a2, b2 = b, a, b2, a2
        s.canvas.bar(left + a, top + b, left + a2, top + b2, grey)

    if y + along + 2 * lk.size > bottom:
        return y + lk.size
    count = int(rng.integers(1, 9))
    for i in range(min(count, rows * columns)):
        left = x + lk.size + (i % columns) * (across + 2 * lk.size) + (0 if lying else across / 2)
        top = y + (i // columns) * (along + lk.size) + (along / 2 if lying else 0)
        if scale:
            for at in np.linspace(0, long, int(rng.integers(3, 12))):
                tick = wide * float(rng.choice([0.3, 0.5, 0.7]))
                bar(-tick, at, tick, at + 1, lk.tint(0.5), left, top)
        bar(-track / 2, 0, track / 2, long, lk.tint(float(rng.uniform(0.3, 0.9))), left, top)
        at = float(rng.uniform(high / 2, long - high / 2))
        half_x, half_y = (high / 2, wide / 2) if lying else (wide / 2, high / 2)
        cx, cy = (left + at, top) if lying else (left, top + at)
        s.canvas.round_bar(cx - half_x, cy - half_y, cx + half_x, cy + half_y, radius, fill)
        s.canvas.round_bar(cx - half_x, cy - half_y, cx + half_x, cy + half_y, radius, ink, line)
        for groove in range(grooves):
            of = at + (groove - (grooves - 1) / 2) * high / 4
            bar(-0.4 * wide, of - line / 2, 0.4 * wide, of + line / 2, ink, left, top)
        if labels and not lying:
            s.text(left - wide, top + long + lk.size, s.phrase(1, 1, across, 0.8), 0.8)
    return y + (-(-min(count, rows * columns) // columns)) * (along + lk.size) + lk.size


PARTS = (todo, mail, settings, grid_view, tree, web_form, entries, tools, window, gutter, formulas, diagram, faders)
SHARES = (0.13, 0.1, 0.15, 0.1, 0.11, 0.09, 0.12, 0.07, 0.06, 0.02, 0.02, 0.02, 0.01)


def phone_keys(s: Sheet, y: float, w: float) -> None:
    """The three keys at the foot of a phone's screen, one of which is a square; or the round one, with a square in it."""
    rng, lk = s.rng, s.look
    bar = float(s.canvas.height) - y
    fill = float(rng.choice([lk.paper, 0.0, 255.0, 40.0]))
    grey = (255.0 if fill < 128 else 0.0) * rng.uniform(0.7, 1.0) + (0.0 if fill < 128 else 70.0)
    s.canvas.bar(0, y, w, y + bar, fill)
    middle, side, line = y + bar / 2, bar * rng.uniform(0.25, 0.42), float(rng.choice([1.0, 1.5, 2.0]))
    solid = rng.random() < 0.3
    if rng.random() < 0.25:
        r = bar * 0.4
        s.canvas.round_bar(w / 2 - r, middle - r, w / 2 + r, middle + r, r, lk.tint(0.3), float(rng.choice([1.0, r])))
        half = r * rng.uniform(0.3, 0.5)
        s.canvas.round_bar(
            w / 2 - half, middle - half, w / 2 + half, middle + half, half * rng.uniform(0.2, 0.6), grey, line
        )
        return
    kinds = ["square", "round", "back"]
    for place, kind in zip((0.2, 0.5, 0.8), kinds if rng.random() < 0.5 else kinds[::-1], strict=True):
        x = w * place
        if kind == "back":
            tip = np.array([(0.35, -0.5), (-0.5, 0), (0.35, 0.5)]) * side + (x, middle)
            s.canvas.path(tip, line, grey, close=True, fill=solid)
        else:
            radius = side / 2 if kind == "round" else float(rng.choice([0.0, 0.15 * side]))
            edges = (round(x - side / 2), round(middle - side / 2), round(x + side / 2), round(middle + side / 2))
            s.canvas.round_bar(*edges, radius, grey, 0 if solid else line)


def _chrome(s: Sheet) -> tuple[float, float, float, float]:
    """Window title, tool bars, side bar; returns what is left: x, y, right, bottom."""
    rng, lk = s.rng, s.look
    w, h = float(s.canvas.width), float(s.canvas.height)
    x, y = 0.0, 0.0
    if rng.random() < 0.4:
        y = title_bar(s, 0, 0, w)
    if rng.random() < 0.45:
        bar = lk.size * rng.uniform(1.8, 2.8)
        at = float(lk.size)
        icons = rng.random() < 0.5
        while at < w * rng.uniform(0.4, 1.0):
            if icons:
                at = _icon(s, at, y + bar / 2, lk.size * 1.1) + lk.size
            else:
                at = s.text(at, y + bar * 0.66, s.phrase(1, 1, 8 * lk.size)) + lk.size * 1.5
        s.canvas.bar(0, y + bar - 1, w, y + bar, lk.tint(0.2))
        y += bar
    if rng.random() < 0.35 and w > 30 * lk.size:
        x = lk.size * rng.uniform(3, 12)
        s.canvas.bar(0, y, x, h, lk.tint(0.08))
        at = y + lk.size
        while at < h - 2 * lk.size and rng.random() < 0.95:
            end = _icon(s, lk.size * 0.8, at + lk.size * 0.6, lk.size * 1.1)
            if x > 7 * lk.size:
                _label(s, end + lk.size * 0.6, at + lk.size * 0.6, s.phrase(1, 2, x - end - lk.size * 1.2))
            at += lk.size * rng.uniform(2, 2.8)
    return x, y, w, h


def fill_screen(s: Sheet) -> None:
    """Fills the whole sheet with one screenshot."""
    rng, lk = s.rng, s.look
    x, y, right, bottom = _chrome(s)
    if rng.random() < (0.3 if bottom > right else 0.08):
        bottom -= lk.size * rng.uniform(2, 4)
        phone_keys(s, bottom, right)
    pad = lk.size * rng.uniform(0.5, 3)
    columns = 1 if right - x < 50 * lk.size or rng.random() < 0.5 else 2
    cell = (right - x - pad * (columns + 1)) / columns
    for c in range(columns):
        at, left = y + pad, x + pad + c * (cell + pad)
        if rng.random() < 0.5:
            s.text(left, at + lk.size * 1.4, s.phrase(1, 5, cell, 1.5, True), 1.5, True)
            at += lk.size * 2.4
        while at < bottom - 4 * lk.size:
            part = PARTS[int(rng.choice(len(PARTS), p=SHARES))]
            at = part(s, left, at, cell, bottom) + lk.size * rng.uniform(0.3, 2)
    if rng.random() < 0.2:  # a dialog in front
        w, h = lk.size * rng.uniform(16, 34), lk.size * rng.uniform(8, 18)
        left, top = rng.uniform(0, max(1.0, right - w)), rng.uniform(0, max(1.0, bottom - h))
        kept = [
            i
            for i, (x1, y1, x2, y2) in enumerate(s.boxes)
            if x2 < left - 8 or x1 > left + w + 8 or y2 < top - 8 or y1 > top + h + 8
        ]
        # A box half under the dialog is neither here nor there: only those quite outside or quite under it
        # are simple.
        hidden = [
            i
            for i, (x1, y1, x2, y2) in enumerate(s.boxes)
            if x1 >= left and x2 <= left + w and y1 >= top and y2 <= top + h
        ]
        if len(kept) + len(hidden) == len(s.boxes):
            s.boxes, s.states = [s.boxes[i] for i in kept], [s.states[i] for i in kept]
            s.canvas.round_bar(left + 4, top + 5, left + w + 4, top + h + 5, 8, lk.tint(0.35) if not lk.dark else 0)
            s.canvas.round_bar(left, top, left + w, top + h, 8, lk.tint(0.03))
            s.canvas.round_bar(left, top, left + w, top + h, 8, lk.tint(0.3), 1)
            inside = title_bar(s, left + 1, top + 1, w - 2) if rng.random() < 0.5 else top
            settings(s, left + lk.size, inside + lk.size * 0.5, w - 2 * lk.size, top + h - lk.size)
