"""Vehicles seen from above, as forms of insurers and rental firms print them to mark damage on: none of it is a checkbox.

Bonnets, windscreens, boots and load beds are four-sided, as large as checkboxes and often doubled, but they taper, bow or
are longer than they are wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.canvas import Canvas

Rng = np.random.Generator
Points = NDArray[np.float64]


class _Pen:
    """Draws in a vehicle's own frame: ``u`` across it from -1 to 1 of its half width, ``v`` along it in half widths from its
    front; mirrored and turned onto the canvas by ``to_page`` [2,2] and ``origin`` [2]."""

    def __init__(self, canvas: Canvas, origin: Points, to_page: Points, line: float, ink: float) -> None:
        self.canvas, self.origin, self.to_page, self.line, self.ink = canvas, origin, to_page, line, ink

    def path(self, u: Points, v: Points, heavy: float = 1.0, close: bool = False) -> None:
        points = np.stack([u, v], 1) @ self.to_page + self.origin
        self.canvas.path(points, self.line * heavy, self.ink, close)

    def across(self, v: float, half: float, bow: float = 0.0, heavy: float = 1.0) -> None:
        """A line across, ``half`` a width to either side, its middle moved by ``bow``."""
        t = np.linspace(-1, 1, 13)
        self.path(half * t, v + bow * (1 - t**2), heavy)

    def along(self, v0: float, v1: float, half0: float, half1: float, belly: float = 0.0) -> None:
        """A pair of lines along both sides."""
        t = np.linspace(0, 1, 9)
        for side in (-1, 1):
            self.path(side * (half0 + (half1 - half0) * t + belly * (1 - (2 * t - 1) ** 2)), v0 + (v1 - v0) * t)

    def pane(self, v0: float, v1: float, half0: float, half1: float, bow0: float, bow1: float) -> None:
        """A closed window."""
        t = np.linspace(-1, 1, 9)
        u = np.concatenate([half0 * t, half1 * t[::-1]])
        v = np.concatenate([v0 + bow0 * (1 - t**2), v1 + bow1 * (1 - t**2)])
        self.path(u, v, 1.0, True)

    def round_rect(self, v0: float, v1: float, half: float, corner: float, heavy: float = 1.0) -> None:
        quarter = np.linspace(0, np.pi / 2, 5)
        u = np.concatenate([half - corner + corner * np.sin(quarter), half - corner + corner * np.cos(quarter)])
        v = np.concatenate([v0 + corner - corner * np.cos(quarter), v1 - corner + corner * np.sin(quarter)])
        self.path(np.concatenate([u, -u[::-1]]), np.concatenate([v, v[::-1]]), heavy, True)


def _car(pen: _Pen, long: float, rng: Rng) -> None:
    bonnet = long * rng.uniform(0.16, 0.32)
    cabin = long * rng.uniform(0.62, 0.85)
    nose, tail = rng.uniform(0.72, 0.95), rng.uniform(0.72, 0.98)
    bumper = rng.choice([1.0, 1.0, 2.5])
    # The body: a shell that bulges between the bumpers, sometimes doubled.
    for inner in (1.0, rng.uniform(0.82, 0.93)) if rng.random() < 0.6 else (1.0,):
        pen.along(0, bonnet, inner * nose, inner)
        pen.along(bonnet, cabin, inner, inner, rng.uniform(-0.05, 0.03))
        pen.along(cabin, long, inner, inner * tail)
    pen.across(0, nose * rng.uniform(1, 1.1), -rng.uniform(0, 0.15), bumper)
    pen.across(long, tail * rng.uniform(1, 1.1), rng.uniform(0, 0.15), bumper)
    # Creases of the bonnet run to the windscreen, apart or together.
    if rng.random() < 0.7:
        spread = rng.uniform(0.5, 0.85)
        pen.along(rng.uniform(0, 0.1), bonnet, spread * rng.uniform(0.75, 1.05), spread)
    glass = long * rng.uniform(0.06, 0.14)
    bow = rng.uniform(0.08, 0.35)
    wide, roof = rng.uniform(0.8, 0.98), rng.uniform(0.62, 0.8)
    pen.pane(bonnet, bonnet + glass, wide, roof, -bow, -bow * rng.uniform(0.3, 1))
    pen.along(bonnet + glass, cabin - glass, roof, roof, rng.uniform(-0.03, 0.06))
    back = bow * rng.uniform(0, 1)
    kind = rng.random()
    if kind < 0.5:
        pen.pane(cabin - glass, cabin, roof, wide, back * 0.5, back)
    elif kind < 0.75:  # an estate's window, right at its back
        pen.pane(cabin, long - 0.08, roof * rng.uniform(0.85, 1), roof * rng.uniform(0.6, 0.95), back, back)
    else:
        pen.across(cabin - glass, roof, back)
        pen.across(cabin, wide, back)
    if rng.random() < 0.3:  # the boot's lid
        pen.pane(cabin + 0.08, long - 0.08, wide * 0.75, wide * rng.uniform(0.5, 0.7), 0, 0)
    if rng.random() < 0.5:  # doors
        for share in rng.uniform(0.3, 0.7, int(rng.integers(1, 3))):
            v = bonnet + glass + (cabin - bonnet - glass) * float(share)
            for side in (-1, 1):
                pen.path(np.array([side * roof, side]), np.array([v, v]))
    if rng.random() < 0.5:  # mirrors
        for side in (-1, 1):
            pen.path(np.array([side, side * 1.15, side]), np.array([bonnet, bonnet + 0.08, bonnet + 0.2]))
    if rng.random() < 0.3:  # wheels
        for v in (bonnet * 0.7, cabin):
            for side in (-1, 1):
                pen.path(np.array([side, side]) * 1.06, np.array([v - 0.2, v + 0.2]), 2.5)


def _lorry(pen: _Pen, long: float, rng: Rng) -> None:
    cab = rng.uniform(0.6, 1.3)
    narrow = rng.uniform(0.75, 1.0)
    pen.along(0, cab, narrow * rng.uniform(0.85, 1), narrow)
    pen.across(0, narrow * rng.uniform(1, 1.08), -rng.uniform(0, 0.15), rng.choice([1.0, 2.5]))
    if rng.random() < 0.7:
        glass = cab * rng.uniform(0.25, 0.6)
        pen.pane(glass * 0.5, glass * 1.3, narrow * 0.9, narrow * 0.75, -0.1, -0.05)
    if rng.random() < 0.6:
        pen.along(0.05, cab * 0.9, narrow * rng.uniform(0.5, 0.8), narrow * rng.uniform(0.5, 0.8))
    pen.across(cab, narrow)
    pen.round_rect(cab + rng.uniform(0.02, 0.2), max(long, cab + 2.8), 1.0, rng.uniform(0, 0.25))
    if rng.random() < 0.3:
        for v in np.arange(cab + 0.5, max(long, cab + 2.8), rng.uniform(0.4, 0.9)):
            pen.across(float(v), 1.0)


def _motorcycle(pen: _Pen, long: float, rng: Rng) -> None:
    thin = rng.uniform(0.12, 0.25)
    for v0, v1, half in ((0, 0.28, thin * 0.5), (0.25, 0.7, thin), (0.65, 1, thin * 0.6)):
        pen.round_rect(v0 * long, v1 * long, half, half * 0.9)
    pen.across(long * rng.uniform(0.2, 0.35), rng.uniform(0.4, 0.7), rng.uniform(-0.1, 0.3), 2.0)


def vehicles(c: Canvas, x: float, y: float, w: float, size: int, ink: float, rng: Rng) -> float:
    """A row of vehicles from (x, y) on, at most ``w`` wide, beside text ``size`` high; returns the y below it."""
    half = size * rng.uniform(0.7, 2.4)
    line = rng.uniform(0.6, 2.4) * (1.0 if half > 15 else 0.6)
    lying = rng.random() < 0.3
    ahead = rng.random() < 0.6  # front up, or to the left
    at, h = x, 0.0
    for _ in range(int(rng.integers(1, 5))):
        kind = rng.random()
        long = rng.uniform(3.6, 6.0)
        length, wide = long * half, 2 * half * 1.15
        room, high = (length, wide) if lying else (wide, length)
        if at + room > x + w:
            break
        h = max(h, high)
        turn = rng.normal(0, 0.03)
        to_page = half * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        if not ahead:
            to_page[1] *= -1
        if lying:
            to_page = to_page[:, ::-1]
        middle = np.array([at + room / 2, y + high / 2])
        origin = middle - np.array([0, long / 2]) @ to_page
        pen = _Pen(c, origin, to_page, line, ink)
        (_car if kind < 0.6 else _lorry if kind < 0.85 else _motorcycle)(pen, long, rng)
        at += room + size * rng.uniform(0.8, 4)
    return y + h + size
