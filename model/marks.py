"""Pen marks: what people do to a box (``draw_mark``) and what merely crosses one (``draw_stray``).

Real forms show three things that tidy drawings miss, and all are drawn here: strokes far longer than the box
(a tick may start beside the box and end in the words three boxes on), strokes as thick as a quarter of the
box, and scribbles that hide the outline.  Strokes are polylines with a width and an opacity per point,
rasterised at four times the resolution and multiplied into the page, as ink is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
Box = Sequence[float] | NDArray[np.float32]

SCALE = 4  # supersampling of strokes

KINDS = (
    "tick",
    "long_tick",
    "cross",
    "long_cross",
    "slash",
    "scribble",
    "solid",
    "dot",
    "dash",
    "initials",
    "circle",
    "retraced",
    "corrected",
)
# How often each kind is drawn when the caller leaves the choice to chance.
KIND_WEIGHTS = (0.18, 0.14, 0.14, 0.09, 0.05, 0.11, 0.08, 0.04, 0.04, 0.04, 0.04, 0.03, 0.02)

STRAYS = ("line", "fold", "underline", "stamp", "tail", "dirt", "smudge", "margin")


@dataclass(frozen=True)
class Hand:
    """One person with one pen: marks of a page mostly share these.

    rgb: ink, 0..1 per channel.  width: nib in pixels.  pressure: how much the width follows pressure, 0..1.
    skip: how often ball ink fails, 0..1.  opacity: of the ink.  slop: 0 tidy .. 1 wild.
    kinds: the kinds of marks this person makes.
    """

    rgb: tuple[float, float, float]
    width: float
    pressure: float
    skip: float
    opacity: float
    slop: float
    kinds: tuple[str, ...]


def random_hand(rng: np.random.Generator, side: float = 18.0) -> Hand:
    """A hand for boxes of ``side`` pixels: the nib depends on the page's scale, which the side stands for."""
    tool = rng.choice(4, p=[0.62, 0.16, 0.14, 0.08])  # ball pen, felt tip, marker, pencil
    ink = rng.choice(4, p=[0.42, 0.4, 0.11, 0.07])
    base = [(0.12, 0.16, 0.55), (0.08, 0.08, 0.1), (0.75, 0.1, 0.12), (0.08, 0.42, 0.2)][ink]
    rgb = np.clip(np.array(base) + rng.normal(0, 0.06, 3), 0, 0.85)
    if tool == 0:
        width, pressure, skip, opacity = (
            rng.uniform(0.045, 0.12),
            rng.uniform(0.2, 0.7),
            rng.uniform(0, 0.5),
            0.95,
        )
    elif tool == 1:
        width, pressure, skip, opacity = rng.uniform(0.1, 0.2), rng.uniform(0.1, 0.4), 0.0, 0.97
    elif tool == 2:
        width, pressure, skip, opacity = (
            rng.uniform(0.18, 0.42),
            rng.uniform(0, 0.2),
            0.0,
            rng.uniform(0.75, 0.98),
        )
    else:
        rgb = np.full(3, rng.uniform(0.25, 0.5))
        width, pressure, skip, opacity = (
            rng.uniform(0.05, 0.13),
            rng.uniform(0.2, 0.6),
            rng.uniform(0.2, 0.9),
            0.8,
        )
    # The nib has a size of its own: on tiny boxes it is relatively thick, on huge ones thin.
    px = width * (18.0 + side) / 2 if side < 18 else width * (18.0 * 2 + side) / 3
    habit = rng.choice(len(KINDS), size=int(rng.integers(1, 4)), p=KIND_WEIGHTS)
    kinds = tuple(KINDS[i] for i in habit) if rng.random() < 0.75 else KINDS
    slop = float(rng.beta(1.6, 1.8))
    if rng.random() < 0.22:  # in a hurry: nothing but ticks, flung across the boxes
        kinds, slop = ("long_tick", "tick") if rng.random() < 0.5 else ("long_tick",), float(rng.uniform(0.6, 1.0))
    return Hand(
        (float(rgb[0]), float(rgb[1]), float(rgb[2])), max(0.8, float(px)), float(pressure), float(skip), float(opacity),
        slop, kinds,
    )  # fmt: skip


@dataclass
class Stroke:
    """Points in pixels with a width (pixels) and an opacity (0..1) per point."""

    points: Points
    width: NDArray[np.float64]
    opacity: NDArray[np.float64]


def _smooth(points: Sequence[tuple[float, float]] | Points, step: float = 1.0) -> Points:
    """A Catmull-Rom curve through ``points``, sampled about every ``step`` pixels."""
    p = np.asarray(points, np.float64)
    if len(p) == 2:
        n = max(2, int(np.hypot(*(p[1] - p[0])) / step))
        return p[0] + (p[1] - p[0]) * np.linspace(0, 1, n)[:, None]
    ext = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    out = []
    for i in range(1, len(ext) - 2):
        a, b, c, d = ext[i - 1], ext[i], ext[i + 1], ext[i + 2]
        n = max(2, int(np.hypot(*(c - b)) / step) + 1)
        t = np.linspace(0, 1, n, endpoint=False)[:, None]
        out.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    out.append(p[-1:])
    return np.vstack(out)


def _wobble(points: Points, amount: float, rng: np.random.Generator) -> Points:
    """Low-frequency shake of the hand, ``amount`` pixels."""
    n = len(points)
    knots = max(3, n // 12)
    shake = rng.normal(0, amount, (knots, 2))
    at = np.linspace(0, knots - 1, n)
    grid = np.arange(knots)
    return points + np.stack([np.interp(at, grid, shake[:, 0]), np.interp(at, grid, shake[:, 1])], 1)


def _ink(points: Points, hand: Hand, rng: np.random.Generator, gain: float = 1.0, taper: float = -1.0) -> Stroke:
    """Width and opacity along a path: pressure at the start and in turns, lift at the end, skips of the ball."""
    n = len(points)
    t = np.linspace(0, 1, n)
    knots = rng.normal(0, 0.35, max(4, n // 15))
    pressure = 1 + hand.pressure * np.interp(t, np.linspace(0, 1, len(knots)), knots)
    lift = taper if taper >= 0 else float(rng.choice([0.0, 0.0, 0.25, 0.5])) * (0.4 + hand.pressure)
    if lift > 0:
        pressure = pressure * np.clip((1 - t) / min(lift, 0.9) + 0.3, 0.3, 1)
    opacity = np.full(n, hand.opacity) * np.clip(0.65 + 0.35 * pressure, 0.35, 1)
    if hand.skip > 0:
        noise = rng.random(max(2, n // 3))
        drop = np.interp(t, np.linspace(0, 1, len(noise)), noise) < hand.skip * 0.22
        opacity = np.where(drop, opacity * rng.uniform(0.35, 0.8), opacity)
    return Stroke(points, np.maximum(hand.width * gain * np.clip(pressure, 0.4, 1.8), 0.6), opacity)


def _raster(strokes: Sequence[Stroke], shape: tuple[int, ...]) -> tuple[NDArray[np.float32], int, int] | None:
    """Coverage 0..1 of the strokes on the smallest patch of the page that holds them, with the patch's left and top."""
    height, width = shape[:2]
    lo = np.min([s.points.min(0) - s.width.max() - 1 for s in strokes], 0)
    hi = np.max([s.points.max(0) + s.width.max() + 1 for s in strokes], 0)
    x0, y0 = max(0, int(np.floor(lo[0]))), max(0, int(np.floor(lo[1])))
    x1, y1 = min(width, int(np.ceil(hi[0]))), min(height, int(np.ceil(hi[1])))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    big = np.zeros(((y1 - y0) * SCALE, (x1 - x0) * SCALE), np.uint8)
    for s in strokes:
        xy = np.round((s.points - (x0, y0)) * SCALE * 16).astype(np.int64).clip(-(2**24), 2**24).tolist()
        thick = np.maximum(1, np.round(s.width * SCALE)).astype(int).tolist()
        grey = np.round(s.opacity * 255).clip(0, 255).astype(int).tolist()
        for i in range(len(xy) - 1):
            cv2.line(big, xy[i], xy[i + 1], grey[i], thick[i], cv2.LINE_8, 4)
        if len(xy) == 1:
            cv2.circle(big, xy[0], thick[0] * 8, grey[0], -1, cv2.LINE_8, 4)
    small = cv2.resize(big, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255), x0, y0


def _multiply(image: Image, cover: NDArray[np.float32], x: int, y: int, rgb: Sequence[float]) -> None:
    """Multiplies ink of colour ``rgb`` with the given coverage into the page."""
    h, w = cover.shape
    part = image[y : y + h, x : x + w]
    if image.ndim == 2:
        luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
        part[...] = (part * (1 - cover * np.float32(1 - luma)) + 0.5).astype(np.uint8)
    else:
        gain = 1 - cover[..., None] * (1 - np.asarray(rgb, np.float32))
        part[...] = (part * gain + 0.5).astype(np.uint8)


def _tick(c: Points, s: float, hand: Hand, rng: np.random.Generator, long: bool, room: float) -> list[Stroke]:
    size = rng.uniform(1.2, 4.2) if long else rng.uniform(0.7, 1.5)
    if not long and rng.random() < 0.2 * (1 - hand.slop):  # small and neat, wholly inside
        size = rng.uniform(0.45, 0.75)
    size = min(size, max(room, 0.7)) * s
    # Quick ticks lie flat and round and end thin: a dab, a turn, a tail that runs away to the right.
    quick = rng.random() < 0.3
    angle = np.deg2rad(rng.normal(-20, 9) if quick else rng.normal(-38, 13) if long else rng.normal(-48, 13))
    short = size * rng.uniform(0.15, 0.5) if rng.random() < 0.85 else 0.0
    # The valley sits in the box or, in sloppy hands, on its edge or just outside.
    spread = 0.12 + 0.24 * hand.slop
    valley = c + np.array([rng.normal(-0.12, spread), rng.normal(0.18, spread)]).clip(-0.75, 0.75) * s
    if long and rng.random() < 0.15 + 0.4 * hand.slop:  # the hook lies beside the box, the long stroke runs through it
        through = c + rng.normal(0, 0.16 if rng.random() < 0.7 else 0.3, 2).clip(-0.45, 0.45) * s
        valley = through - rng.uniform(0.4, 1.15) * s * np.array([np.cos(angle), np.sin(angle)])
        size = max(size, 1.7 * s)
    elif rng.random() < 0.08 + 0.25 * hand.slop:  # the hook on the left rim or below it, the rest along the rim
        valley = c + rng.uniform((-0.75, -0.05), (-0.15, 0.75)) * s
        size = max(size, 1.4 * s)
    end = valley + size * np.array([np.cos(angle), np.sin(angle)])
    if short > 0:
        back = np.deg2rad(rng.normal(-125, 18))
        short = min(short, (0.6 if quick else 1.2) * s)
        start = valley + short * np.array([np.cos(back), np.sin(back)])
        bend = rng.normal(0, 0.08) * size
        normal = np.array([np.sin(angle), -np.cos(angle)])
        knee = valley + (end - valley) * 0.5 + normal * bend
        if not quick and rng.random() < 0.5:  # angular
            path = np.vstack(
                [_smooth([tuple(start), tuple(valley)]), _smooth([tuple(valley), tuple(knee), tuple(end)])]
            )
        else:  # round hook
            path = _smooth([tuple(start), tuple(valley), tuple(knee), tuple(end)])
    else:
        path = _smooth([tuple(valley), tuple((valley + end) / 2 + rng.normal(0, 0.05 * size, 2)), tuple(end)])
        # A single stroke must still touch the box.
        path += (c - valley) * rng.uniform(0.3, 1.0)
    if rng.random() < 0.04:
        path[:, 0] = 2 * c[0] - path[:, 0]  # left-handed
    stroke = _ink(_wobble(path, 0.02 * s, rng), hand, rng, taper=rng.uniform(0.3, 0.8) if quick else -1.0)
    if quick:  # the pen comes down hard
        down = np.linspace(rng.uniform(1.0, 2.2), 1.0, max(2, len(path) // 5))
        stroke.width[: len(down)] *= down
    return [stroke]


def _cross(c: Points, s: float, hand: Hand, rng: np.random.Generator, long: bool, room: float) -> list[Stroke]:
    reach = (rng.uniform(1.3, 3.0) if long else rng.uniform(0.75, 1.45)) * (1 + 0.2 * hand.slop)
    reach = min(reach, max(room, 0.8)) * s
    middle = c + rng.normal(0, 0.04 + 0.13 * hand.slop, 2) * s
    paths = []
    for base in (45, 135):
        a = np.deg2rad(base + rng.normal(0, 4 + 11 * hand.slop))
        half = reach / 2 * 1.25 * rng.uniform(0.75, 1.2)
        shift = rng.normal(0, 0.04 + 0.08 * hand.slop, 2) * s
        d = half * np.array([np.cos(a), np.sin(a)])
        p, q = middle + shift - d, middle + shift + d * rng.uniform(0.75, 1.2)
        if rng.random() < 0.5:
            p, q = q, p
        bend = (p + q) / 2 + rng.normal(0, 0.03 + 0.05 * hand.slop, 2) * s
        paths.append(_smooth([tuple(p), tuple(bend), tuple(q)]))
    if rng.random() < 0.15 + 0.2 * hand.slop:  # pen not lifted between the strokes
        link = _smooth([tuple(paths[0][-1]), tuple((paths[0][-1] + paths[1][0]) / 2 + rng.normal(0, 0.15 * s, 2)),
                        tuple(paths[1][0])])  # fmt: skip
        paths = [np.vstack([paths[0], link, paths[1]])]
    return [_ink(_wobble(p, 0.02 * s, rng), hand, rng) for p in paths]


def _zigzag(c: Points, w: float, h: float, turns: int, angle: float, jitter: float, rng: np.random.Generator) -> Points:
    """A path to and fro across a ``w`` by ``h`` area around ``c``, turned by ``angle``."""
    t = np.linspace(-0.5, 0.5, turns)
    y = np.where(np.arange(turns) % 2 == 0, -0.5, 0.5) * h
    p = np.stack([t * w, y], 1) + rng.normal(0, jitter, (turns, 2))
    rot = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _smooth(p @ rot.T + c)


def _scribble(c: Points, s: float, hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    size = s * rng.uniform(0.6, 1.5 + 0.5 * hand.slop)
    if rng.random() < 0.6:
        angle = float(rng.choice([0.0, np.pi / 4, -np.pi / 4, np.pi / 2]) + rng.normal(0, 0.25))
        path = _zigzag(c + rng.normal(0, 0.1, 2) * s, size, size * rng.uniform(0.6, 1.1), int(rng.integers(5, 15)),
                       angle, 0.1 * s, rng)  # fmt: skip
    else:  # loops
        turns = rng.uniform(2, 6)
        t = np.linspace(0, turns * 2 * np.pi, int(turns * 9))
        r = size / 2 * (0.35 + 0.65 * np.abs(np.sin(t / turns / 2 + rng.uniform(0, 3)))) + rng.normal(
            0, 0.06 * s, len(t)
        )
        drift = np.linspace(-0.3, 0.3, len(t)) * s * rng.uniform(0, 1)
        path = _smooth(np.stack([c[0] + drift + r * np.cos(t), c[1] + r * np.sin(t) * rng.uniform(0.6, 1)], 1))
    return [_ink(path, hand, rng, gain=rng.uniform(0.9, 1.4), taper=0)]


def _solid(c: Points, w: float, h: float, hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """Filled in: dense to and fro; leaves paper at the rim or runs over it."""
    grow = rng.uniform(0.75, 1.25)
    nib = max(hand.width, 0.1 * min(w, h))
    angle = float(rng.choice([0.0, np.pi / 2, np.pi / 4, -np.pi / 4]) + rng.normal(0, 0.15))
    diag = 0.8 if abs(np.sin(2 * angle)) > 0.5 else 1.0
    turns = int(np.clip(max(w, h) * grow / nib * rng.uniform(1.3, 2.2), 6, 60))
    path = _zigzag(c + rng.normal(0, 0.05, 2) * w, w * grow * diag, h * grow * diag, turns, angle, 0.04 * w, rng)
    return [
        _ink(
            path,
            replace(hand, skip=hand.skip * 0.3),
            rng,
            gain=nib / hand.width * rng.uniform(1, 1.25),
            taper=0,
        )
    ]


def _initials(c: Points, s: float, hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """One to three letters as connected loops, not meant to be read."""
    strokes = []
    n = int(rng.integers(1, 4))
    for i in range(n):
        k = int(rng.integers(4, 8))
        at = c + np.array([(i - (n - 1) / 2) * 0.45 * s, 0]) + rng.normal(0, 0.08, 2) * s
        p = at + rng.uniform(-0.5, 0.5, (k, 2)) * (0.6 * s, 1.0 * s) * rng.uniform(0.7, 1.3)
        strokes.append(_ink(_smooth(p), hand, rng))
    return strokes


def _one(kind: str, box: Box, hand: Hand, rng: np.random.Generator, room: float) -> list[Stroke]:
    x1, y1, x2, y2 = (float(v) for v in box)
    w, h = x2 - x1, y2 - y1
    s = min(w, h)
    c = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    if kind in ("tick", "long_tick"):
        return _tick(c, s, hand, rng, kind == "long_tick", room)
    if kind in ("cross", "long_cross"):
        return _cross(c, s, hand, rng, kind == "long_cross", room)
    if kind == "slash":
        a = np.deg2rad(rng.choice([-50, -50, -40, 50]) + rng.normal(0, 12))
        d = np.array([np.cos(a), np.sin(a)]) * min(rng.uniform(0.5, 1.5), room) * s * 0.6
        at = c + rng.normal(0, 0.1, 2) * s
        return [_ink(_wobble(_smooth([tuple(at - d), tuple(at + d)]), 0.03 * s, rng), hand, rng)]
    if kind == "scribble":
        return _scribble(c, s, hand, rng)
    if kind == "solid":
        return _solid(c, w, h, hand, rng)
    if kind == "dot":
        size = rng.uniform(0.22, 0.6) * s
        at = c + rng.normal(0, 0.08, 2) * s
        path = _zigzag(at, size * 0.6, size * 0.6, 6, float(rng.uniform(0, 3)), 0.06 * s, rng)
        return [_ink(path, hand, rng, gain=max(1.0, size * 0.6 / hand.width), taper=0)]
    if kind == "dash":
        half = min(rng.uniform(0.3, 1.1), room) * s
        at = c + rng.normal(0, 0.07, 2) * s
        tilt = rng.normal(0, 0.12)
        p = [
            (at[0] - half, at[1] + half * tilt),
            (at[0], at[1] + rng.normal(0, 0.06) * s),
            (at[0] + half, at[1] - half * tilt),
        ]
        return [_ink(_smooth(p), hand, rng, gain=rng.uniform(1, 1.5))]
    if kind == "initials":
        return _initials(c, s, hand, rng)
    if kind == "circle":
        r = rng.uniform(0.2, 0.52) * s
        t = np.linspace(0, 2 * np.pi * rng.uniform(0.92, 1.25), 14) + rng.uniform(0, 6)
        at = c + rng.normal(0, 0.06, 2) * s
        ring = np.stack([at[0] + r * np.cos(t), at[1] + r * rng.uniform(0.75, 1.2) * np.sin(t)], 1)
        return [_ink(_smooth(ring + rng.normal(0, 0.03 * s, ring.shape)), hand, rng, taper=0)]
    if kind == "retraced":  # the same mark twice or three times over
        again = str(rng.choice(["tick", "cross", "slash", "tick"]))
        strokes = _one(again, box, hand, rng, room)
        for _ in range(int(rng.integers(1, 3))):
            strokes += [
                Stroke(_wobble(t.points + rng.normal(0, 0.06 * s, 2), 0.05 * s, rng), t.width, t.opacity)
                for t in strokes[:2]
            ]
        return strokes
    if kind == "corrected":  # solid over a cross, or a mark struck out
        first = _one(str(rng.choice(["cross", "tick"])), box, hand, rng, room)
        if rng.random() < 0.5:
            return first + _solid(c, w, h, hand, rng)
        for _ in range(int(rng.integers(1, 4))):
            half = rng.uniform(0.6, 1.4) * s
            y = c[1] + rng.normal(0, 0.22) * s
            first.append(_ink(_smooth([(c[0] - half, y + rng.normal(0, 0.1) * s), (c[0] + half, y)]), hand, rng))
        return first
    raise ValueError(f"no such mark: {kind}")


def draw_mark(
    image: Image,
    box: Box,
    rng: np.random.Generator,
    hand: Hand | None = None,
    kind: str | None = None,
    room: float = 5.0,
) -> Image:
    """Draws a pen mark that fills ``box``, in place, and returns the image.

    image: uint8, ``[H, W]`` or ``[H, W, 3]`` RGB.  box: x1, y1, x2, y2 of the printed square in pixels.
    hand: the pen and habits to use (a random one if None); kind: one of ``KINDS``.
    room: longest reach of a mark in box sides; give less where other boxes stand close.
    Raises ValueError for an unknown kind.
    """
    side = min(float(box[2]) - float(box[0]), float(box[3]) - float(box[1]))
    if hand is None:
        hand = random_hand(rng, side)
    if kind is None:
        kind = (
            str(rng.choice(hand.kinds)) if hand.kinds != KINDS else KINDS[int(rng.choice(len(KINDS), p=KIND_WEIGHTS))]
        )
    strokes = _one(kind, box, hand, rng, room)
    # See-through ink darkens where strokes cross, so these go on one by one.
    groups = [[s] for s in strokes] if hand.opacity <= 0.9 else [strokes]
    for group in groups:
        patch = _raster(group, image.shape)
        if patch is not None:
            _multiply(image, *patch, hand.rgb)
    return image


def draw_path(image: Image, points: Sequence[tuple[float, float]], rng: np.random.Generator, hand: Hand) -> Image:
    """Draws a smooth pen stroke through ``points`` (pixels), in place, and returns the image; for handwriting beside boxes."""
    patch = _raster([_ink(_smooth(points), hand, rng)], image.shape)
    if patch is not None:
        _multiply(image, *patch, hand.rgb)
    return image


def _fold(image: Image, x: float, y: float, s: float, rng: np.random.Generator) -> None:
    """A crease through (x, y): a dark line, soft or sharp, with a bright one beside it, and paler paper on one side."""
    across = rng.random() < 0.6
    view = image if across else np.swapaxes(image, 0, 1)
    at, along = (y, x) if across else (x, y)
    h, w = view.shape[:2]
    lo, hi = max(0, int(at) - 14), min(h, int(at) + 15)
    first, last = max(0, int(along - rng.uniform(5, 60) * s)), min(w, int(along + rng.uniform(5, 60) * s))
    if hi <= lo or last <= first:
        return
    d = np.arange(lo, hi, dtype=np.float32) + np.float32(0.5 - at)
    sigma = np.float32(rng.choice([0.5, 0.8, 1.5, 3.0]))
    gain = 1 - np.float32(rng.uniform(0.08, 0.5)) * np.exp(-((d / sigma) ** 2))
    gain = gain - np.float32(rng.uniform(0, 0.1)) * np.exp(-np.abs(d) / 5) * (d > 0)
    lift = np.float32(rng.uniform(0, 90)) * np.exp(-(((d - 2 * sigma) / sigma) ** 2))
    patchy = np.interp(np.arange(last - first), np.linspace(0, last - first, 12), rng.uniform(0.4, 1, 12)).astype(
        np.float32
    )
    shape = (-1, 1) if image.ndim == 2 else (-1, 1, 1)
    part = view[lo:hi, first:last]
    mix = patchy[None, :] if image.ndim == 2 else patchy[None, :, None]
    creased = part * gain.reshape(shape) + lift.reshape(shape)
    part[...] = (part + (creased - part) * mix).clip(0, 255).astype(np.uint8)


def draw_stray(
    image: Image, box: Box, rng: np.random.Generator, hand: Hand | None = None, kind: str | None = None
) -> Image:
    """Draws something that touches or crosses ``box`` without marking it, in place, and returns the image.

    Arguments as for ``draw_mark``; kind: one of ``STRAYS``.  Raises ValueError for an unknown kind.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    s = min(x2 - x1, y2 - y1)
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    if hand is None:
        hand = random_hand(rng, s)
    if kind is None:
        kind = STRAYS[int(rng.integers(len(STRAYS)))]
    strokes: list[Stroke] = []
    rgb: Sequence[float] = hand.rgb
    if kind == "line":  # a long straight line through several things
        a = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.03)
        d = np.array([np.cos(a), np.sin(a)])
        at = np.array([cx, cy]) + rng.normal(0, 0.35, 2) * s
        back, ahead = rng.uniform(5, 25, 2) * s
        path = _smooth([tuple(at - d * back), tuple(at + rng.normal(0, 0.1, 2) * s), tuple(at + d * ahead)], 4.0)
        strokes = [_ink(path, replace(hand, width=min(hand.width, 0.1 * s + 0.6)), rng)]
    elif kind == "fold":
        _fold(image, cx + rng.normal(0, 0.3) * s, cy + rng.normal(0, 0.3) * s, s, rng)
        return image
    elif kind == "underline":  # a word beside the box underlined, or the line above reaching in
        y = (y2 if rng.random() < 0.7 else y1) + rng.normal(0, 0.12) * s
        left, right = (0.5, 6.0) if rng.random() < 0.5 else (6.0, 0.5)
        x_a, x_b = cx - rng.uniform(0, left) * s, cx + rng.uniform(0.3, right) * s
        path = _smooth([(x_a, y), ((x_a + x_b) / 2, y + rng.normal(0, 0.08) * s), (x_b, y + rng.normal(0, 0.1) * s)])
        strokes = [_ink(path, hand, rng)]
    elif kind == "stamp":  # ring or frame of a rubber stamp across the box
        rgb = [(0.2, 0.2, 0.6), (0.7, 0.15, 0.2), (0.3, 0.3, 0.3), (0.2, 0.45, 0.3)][int(rng.integers(4))]
        pen = replace(
            hand,
            opacity=rng.uniform(0.3, 0.7),
            width=rng.uniform(1.0, 0.12 * s + 1.2),
            pressure=0.3,
            skip=0.6,
        )
        r = rng.uniform(2.5, 8) * s
        a0 = rng.uniform(0, 2 * np.pi)
        middle = np.array([cx + r * np.cos(a0), cy + r * np.sin(a0)])
        if rng.random() < 0.6:
            t = np.linspace(0, 2 * np.pi, 40)
            for k in (1.0, rng.uniform(0.7, 0.9)):
                p = middle + r * k * np.stack([np.cos(t), np.sin(t)], 1)
                strokes.append(_ink(_smooth(p, 2.0), pen, rng, taper=0))
        else:
            w, h = r, r * rng.uniform(0.25, 0.6)
            corners = np.array([(-w, -h), (w, -h), (w, h), (-w, h), (-w, -h)]) / 1.2
            turn = rng.normal(0, 0.2)
            rot = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            corners = corners @ rot.T + (cx - w / 1.2 * np.sign(rng.normal()), cy)
            for p, q in itertools.pairwise(corners):
                strokes.append(_ink(_smooth([tuple(p), tuple(q)], 2.0), pen, rng, taper=0))
    elif kind == "tail":  # the end of a neighbour's tick or cross
        a = np.deg2rad(rng.normal(-40, 16))
        d = np.array([np.cos(a), np.sin(a)])
        if rng.random() < 0.25:
            d[1] = -d[1]
        # It ends at the rim or a little inside; reaching the middle would make it a mark.
        rim = 0.5 / max(abs(d[0]), abs(d[1])) - rng.uniform(-0.1, 0.25)
        end = np.array([cx, cy]) - d * rim * s + np.array([-d[1], d[0]]) * rng.uniform(-0.4, 0.4) * s
        start = end - d * rng.uniform(1.6, 4.0) * s
        path = _smooth([tuple(start), tuple((start + end) / 2 + rng.normal(0, 0.12, 2) * s), tuple(end)])
        hook = _smooth([tuple(start + rng.uniform(-0.5, -0.1, 2) * s), tuple(start)])
        strokes = [_ink(np.vstack([hook, path]), hand, rng, taper=0.5)]
    elif kind == "dirt":  # specks
        for _ in range(int(rng.integers(1, 7))):
            at = np.array([[cx, cy]]) + rng.uniform(-0.8, 0.8, 2) * s
            size = np.array([rng.uniform(0.5, (0.1 if rng.random() < 0.8 else 0.22) * s + 0.6)])
            strokes.append(Stroke(at, size, np.array([rng.uniform(0.3, 1.0)])))
        rgb = (0.15, 0.15, 0.15)
    elif kind == "smudge":  # a wide pale smear of ink, coffee or rubber
        pen = replace(hand, opacity=rng.uniform(0.08, 0.3), width=rng.uniform(0.4, 1.2) * s, pressure=0.5, skip=0.5)
        at = np.array([cx, cy]) + rng.normal(0, 0.5, 2) * s
        d = rng.normal(0, 1.5, 2) * s
        strokes = [_ink(_smooth([tuple(at - d), tuple(at), tuple(at + d)], 2.0), pen, rng, taper=0)]
    elif kind == "margin":  # someone's handwriting beside the box that runs into its edge
        n = int(rng.integers(6, 16))
        side = -1 if rng.random() < 0.5 else 1
        xs = cx + side * (rng.uniform(0.45, 0.75) + np.linspace(0, rng.uniform(2, 6), n)) * s
        ys = cy + rng.normal(0, 0.35, n) * s
        strokes = [_ink(_smooth(np.stack([xs, ys], 1)), replace(hand, width=min(hand.width, 0.12 * s + 0.6)), rng)]
    else:
        raise ValueError(f"no such stray: {kind}")
    patch = _raster(strokes, image.shape)
    if patch is not None:
        if kind == "smudge":
            patch = (np.asarray(cv2.GaussianBlur(patch[0], (0, 0), 0.25 * s), np.float32), *patch[1:])
        _multiply(image, *patch, rgb)
    return image
