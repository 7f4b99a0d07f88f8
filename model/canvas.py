"""A grey canvas with exact antialiasing, and the checkboxes printed on it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from model.fonts import Face, Font, ink_bounds, ink_of, text_length

Rng = np.random.Generator
Cover = NDArray[np.float32]
DARK = 110  # grey of paper below which what is on it is lighter


class Canvas:
    """A grey image, ``image`` uint8 ``[H, W]``; every method paints ``grey`` (0..255) through a coverage mask.

    Coordinates are pixel edges: a bar from x = 10 to x = 12 inks columns 10 and 11.  What lies outside is cut
    off.
    """

    def __init__(self, width: int, height: int, paper: float = 255) -> None:
        self.image = np.full((height, width), int(paper), np.uint8)

    @classmethod
    def over(cls, image: NDArray[np.uint8]) -> Canvas:
        """A canvas that paints on this image ``[H, W]``, in place."""
        canvas = cls(0, 0)
        canvas.image = image
        return canvas

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    def blend(self, cover: Cover, x: int, y: int, grey: float | Cover) -> None:
        """Paints ``grey``, one or of each pixel, through ``cover`` (float 0..1, ``[h, w]``) whose top left pixel lies at (x, y)."""
        h, w = cover.shape
        x0, y0 = max(0, x), max(0, y)
        x1, y1 = min(self.width, x + w), min(self.height, y + h)
        if x1 <= x0 or y1 <= y0:
            return
        m = cover[y0 - y : y1 - y, x0 - x : x1 - x]
        part = self.image[y0:y1, x0:x1]
        shade = np.asarray(grey, np.float32)
        if shade.ndim:
            shade = shade[y0 - y : y1 - y, x0 - x : x1 - x]
        part[...] = (part + (shade - part) * m + np.float32(0.5)).astype(np.uint8)

    def text(self, x: float, baseline: float, text: str, font: Font, grey: float, strength: float = 1.0) -> float:
        """Sets ``text`` from the pen position (x, baseline); returns the pen's position after it."""
        if not text:
            return x
        patch, left, base = ink_of(text, font)
        self.blend(patch * np.float32(strength / 255), round(x) - left, round(baseline) - base, grey)
        return x + text_length(text, font)

    def sign(self, cx: float, cy: float, text: str, face: Face, extent: float, grey: float) -> None:
        """Sets ``text`` with the middle of its ink at (cx, cy) and the longer side of its ink ``extent`` pixels.

        The ink counts, not the face's size: a multiplication sign is small, a cross mark large.
        """
        left, top, right, bottom = ink_bounds(text, face.font(64))
        font = face.font(round(64 * extent / max(1, right - left, bottom - top)))
        left, top, right, bottom = ink_bounds(text, font)
        self.text(cx - (left + right) / 2, cy - (top + bottom) / 2, text, font, grey)

    def bar(self, x1: float, y1: float, x2: float, y2: float, grey: float, strength: float = 1.0) -> None:
        """A filled upright rectangle with fractional edges; what lies outside the canvas is not computed."""
        x1, y1 = max(x1, -1.0), max(y1, -1.0)
        x2, y2 = min(x2, self.width + 1.0), min(y2, self.height + 1.0)
        if x2 <= x1 or y2 <= y1:
            return
        cover, x, y = bar_cover(x1, y1, x2, y2)
        self.blend(cover * np.float32(strength), x, y, grey)

    def frame(self, x1: float, y1: float, x2: float, y2: float, line: float, grey: float) -> None:
        """The outline of a rectangle, ``line`` thick, inside the given edges."""
        self.bar(x1, y1, x2, y1 + line, grey)
        self.bar(x1, y2 - line, x2, y2, grey)
        self.bar(x1, y1 + line, x1 + line, y2 - line, grey)
        self.bar(x2 - line, y1 + line, x2, y2 - line, grey)

    def round_bar(
        self, x1: float, y1: float, x2: float, y2: float, radius: float, grey: float, line: float = 0
    ) -> None:
        """A rectangle with round corners, filled or (``line`` > 0) outlined; a circle when the radius is half the side."""
        cover, x, y = round_cover(x1, y1, x2, y2, radius)
        if line > 0:
            inner, _, _ = round_cover(x1, y1, x2, y2, radius, -line)
            cover = cover - inner
        self.blend(cover, x, y, grey)

    def path(
        self, points: NDArray[np.float64], line: float, grey: float, close: bool = False, fill: bool = False
    ) -> None:
        """A polyline ``[n, 2]`` of the given thickness, or a filled polygon."""
        pad = line / 2 + 1
        x0, y0 = (int(v) for v in np.floor(points.min(0) - pad))
        x1, y1 = (int(v) for v in np.ceil(points.max(0) + pad))
        x0, y0, x1, y1 = max(x0, -50), max(y0, -50), min(x1, self.width + 50), min(y1, self.height + 50)
        if x1 <= x0 or y1 <= y0:
            return
        scale = 4 if (x1 - x0) * (y1 - y0) < 160_000 else 1
        big = np.zeros(((y1 - y0) * scale, (x1 - x0) * scale), np.uint8)
        xy = np.round((points - (x0, y0)) * scale * 16 - 8).astype(np.int32)
        if fill:
            cv2.fillPoly(big, [xy], 255, cv2.LINE_8 if scale > 1 else cv2.LINE_AA, 4)
        else:
            kind = cv2.LINE_8 if scale > 1 else cv2.LINE_AA
            cv2.polylines(big, [xy], close, 255, max(1, round(line * scale)), kind, 4)
        small = cv2.resize(big, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) if scale > 1 else big
        # Lines thinner than the supersampled pixel are paler instead.
        strength = min(1.0, line * scale) if not fill else 1.0
        self.blend(small.astype(np.float32) * np.float32(strength / 255), x0, y0, grey)


def _span(a: float, b: float) -> tuple[Cover, int]:
    """Coverage of each pixel of a line by the interval [a, b], and the first pixel."""
    first = int(np.floor(a))
    cover = np.ones(max(1, int(np.ceil(b)) - first), np.float32)
    cover[0] -= a - first
    cover[-1] -= first + len(cover) - b
    return cover, first


def bar_cover(x1: float, y1: float, x2: float, y2: float) -> tuple[Cover, int, int]:
    """Exact pixel coverage of an upright rectangle, and its patch's left and top."""
    cx, x = _span(x1, x2)
    cy, y = _span(y1, y2)
    return cy[:, None] * cx[None, :], x, y


def round_cover(x1: float, y1: float, x2: float, y2: float, radius: float, grow: float = 0) -> tuple[Cover, int, int]:
    """Coverage of a rectangle with round corners from its signed distance; ``grow`` (or shrink) moves the edge."""
    x0, y0 = int(np.floor(x1)) - 1, int(np.floor(y1)) - 1
    w, h = int(np.ceil(x2)) + 1 - x0, int(np.ceil(y2)) + 1 - y0
    radius = min(radius, (x2 - x1) / 2, (y2 - y1) / 2)
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    dx = np.abs(np.arange(x0, x0 + w, dtype=np.float32) + np.float32(0.5 - cx)) - np.float32((x2 - x1) / 2 - radius)
    dy = np.abs(np.arange(y0, y0 + h, dtype=np.float32) + np.float32(0.5 - cy)) - np.float32((y2 - y1) / 2 - radius)
    outside = np.hypot(np.maximum(dx, 0)[None, :], np.maximum(dy, 0)[:, None])
    inside = np.minimum(np.maximum(dx[None, :], dy[:, None]), 0)
    return (0.5 - (outside + inside - np.float32(radius) - np.float32(grow))).clip(0, 1), x0, y0


@dataclass(frozen=True)
class BoxStyle:
    """How the checkboxes of a page, or of a part of it, are printed.

    border: solid, dashed, dotted, double, open (corners left open), bevel (sunken 3-D), hand (drawn by hand),
    none (only the fill shows) or glyph (a dingbat of a font).  line: thickness in pixels.  ink, fill: greys,
    fill < 0 for none. radius: of the corners, in sides.  shadow: offset in pixels, 0 for none.  aspect: width
    over height. mark: the printed mark; mark_grey its grey; solid_fill: the whole box takes this grey when
    filled (screens), or -1. mark_size: of the mark, in sides.  shade: how much darker the fill is at the bottom than
    at the top, below 0 for lighter.  gloss: how much darker its lower half is at once, as if it mirrored something.
    """

    border: str
    line: float
    ink: float
    fill: float
    radius: float
    shadow: float
    aspect: float
    mark: str
    mark_grey: float
    solid_fill: float
    mark_size: float
    face: Face | None = None
    glyph_empty: str = ""
    glyph_filled: str = ""
    shade: float = 0.0
    gloss: float = 0.0


MARKS = ("tick", "cross", "glyph", "solid", "dot", "dash", "diagonal", "inset")


def random_box_style(
    rng: Rng, side: float, ink: float, paper: float, screen: bool, symbols: list[Face], border: str | None = None
) -> BoxStyle:
    """A style for boxes of about ``side`` pixels on ``paper``; border: that of `BoxStyle`, at random if None."""
    dark = paper < DARK
    toward = 255.0 if dark else 0.0
    grey = ink
    if rng.random() < (0.45 if screen else 0.2):  # paler than the text
        grey = paper + (toward - paper) * rng.uniform(0.3, 0.8)
    line = float(
        rng.choice(
            [
                rng.uniform(0.5, 1.0),
                rng.uniform(1.0, 1.8),
                rng.uniform(1.8, 3.2),
                0.11 * side,
                rng.uniform(0.16, 0.3) * side,
            ],
            p=[0.24, 0.48, 0.15, 0.06, 0.07],
        )
    )
    borders = ["solid", "dashed", "dotted", "double", "open", "bevel", "hand", "none", "glyph"]
    if screen and dark:  # toolkits for games and tools paint boxes without a line
        p = [0.66, 0.01, 0.01, 0.03, 0.0, 0.04, 0.0, 0.15, 0.1]
    elif screen:
        p = [0.69, 0.01, 0.02, 0.04, 0.0, 0.07, 0.0, 0.04, 0.13]
    else:
        p = [0.61, 0.03, 0.035, 0.07, 0.05, 0.02, 0.04, 0.03, 0.115]
    if border is None:
        border = str(rng.choice(borders, p=p))
    fill, radius, shadow, aspect = -1.0, 0.0, 0.0, 1.0
    r = rng.random()
    if border == "none":  # pale enough not to be taken for one filled in
        fill = (
            paper + (toward - paper) * rng.uniform(0.08, 0.2)
            if rng.random() < 0.6 or not 20 <= paper <= 225  # on which neither black nor white would show
            else (0.0 if dark else 255.0)
        )
    elif r < 0.18:
        fill = paper + (toward - paper) * rng.uniform(0.03, 0.25)
    elif r < 0.28 or paper < 240:
        fill = 255.0 if not dark else float(rng.choice([0.0, 255.0, paper * 0.6]))
    if rng.random() < (0.6 if screen else 0.25):
        radius = float(rng.uniform(0.05, 0.3) if rng.random() < 0.85 else rng.uniform(0.3, 0.35))  # 0.5 is a circle
    if border == "solid" and rng.random() < 0.2:  # tinted, rounded and pale, as programs print fields of their own
        grey = paper + (toward - paper) * rng.uniform(0.3, 0.65)
        fill = paper + (toward - paper) * rng.uniform(0.03, 0.15)
        radius = float(rng.uniform(0.08, 0.25))
    shade = gloss = 0.0
    if screen and border == "solid" and rng.random() < 0.1:  # as browsers drew them until about 2015
        if rng.random() < 0.6:
            shade = float(rng.choice([-1, 1]) * rng.uniform(15, 50))
        else:
            gloss, shade = float(rng.uniform(8, 40)), float(rng.uniform(-20, 20))
        fill = 255.0 - max(0.0, -shade) - float(rng.uniform(0, 12))
        grey = float(rng.uniform(90, 175))
    if not screen and border == "solid" and rng.random() < 0.07:
        shadow = float(rng.uniform(0.07, 0.2) * side)
    if rng.random() < 0.15:
        aspect = float(rng.uniform(0.8, 1.25)) if rng.random() < 0.85 else float(rng.uniform(1.2, 1.45))
    mark = str(rng.choice(MARKS, p=[0.28, 0.18, 0.19, 0.07, 0.05, 0.07, 0.05, 0.11]))
    if dark and mark == "solid":  # light squares on a dark page are empty boxes of programs that know no dark theme
        mark = "tick"
    mark_grey = grey if rng.random() < 0.5 else ink
    solid_fill = -1.0
    line = min(line, {"solid": 0.3, "dashed": 0.1, "dotted": 0.1}.get(border, 0.2) * side)
    if screen and mark in ("tick", "dash") and rng.random() < 0.6:  # accent colour with a light mark
        solid_fill = float(rng.uniform(30, 150)) if not dark or rng.random() < 0.6 else float(rng.uniform(140, 240))
        mark_grey = 255.0 if solid_fill < 150 else 20.0
    ground = solid_fill if solid_fill >= 0 else fill if fill >= 0 else 255.0 if border == "bevel" else paper
    if abs(mark_grey - ground) < 70:
        mark_grey = 0.0 if ground > 128 else 255.0
    style = BoxStyle(
        border,
        line,
        float(grey),
        float(fill),
        radius,
        shadow,
        aspect,
        mark,
        float(mark_grey),
        solid_fill,
        # Viewers that fit a tick to a small font leave it tiny in its box; others let it stick out.
        float(
            rng.uniform(0.6, 1.05)
            if rng.random() < 0.75
            else rng.choice([rng.uniform(0.35, 0.6), rng.uniform(1.05, 1.3)])
        ),
        shade=shade,
        gloss=gloss,
    )
    if border == "glyph":
        faces = [f for f in symbols if f.has("\u2610\u2611\u2612")]
        if not faces:
            return replace(style, border="solid")
        face = faces[int(rng.integers(len(faces)))]
        pairs = [
            ("\u2610", "\u2611"),
            ("\u2610", "\u2612"),
            ("\u25a1", "\u25a0"),
            ("\u25a1", "\u25a3"),
            ("\u25a2", "\u25a3"),
            ("\u2610", "\u22a0"),
        ]
        pairs = [pq for pq in pairs if face.has(pq[0] + pq[1])]
        empty, filled = pairs[int(rng.choice(len(pairs)))]
        style = replace(style, face=face, glyph_empty=empty, glyph_filled=filled, ink=float(ink), fill=-1.0, aspect=1.0)
    return style


TRIES = 200  # of the solid ones one in eighteen is thick, one in ten on a screen shaded
BOLD, THICK = 0.1, 0.19  # of a box's side: outlines from there on
BOX_KINDS = ("thin", "bold", "thick", "shaded", "double", "dashed", "dotted", "open", "hand", "bevel", "none", "glyph")


def kind_of(style: BoxStyle, side: float) -> str:
    """Which of BOX_KINDS a style is for a box of this side: solid ones by how thick their line is."""
    if style.border != "solid":
        return style.border
    if style.shade or style.gloss:
        return "shaded"
    return "thin" if style.line < BOLD * side else "bold" if style.line < THICK * side else "thick"


def may_be_on_screen(kind: str, screen: bool) -> bool:
    """Whether a box of this kind is on a screen, if it may be: shaded ones are nowhere else, open ones and those by hand nowhere on one."""
    return kind == "shaded" or (screen and kind not in ("open", "hand"))


def box_style_of(
    kind: str, rng: Rng, side: float, ink: float, paper: float, screen: bool, symbols: list[Face]
) -> BoxStyle:
    """A style as `random_box_style` gives, of one of BOX_KINDS; `screen` as `may_be_on_screen` says.

    Of another where there is none of that kind: a thin line around a box of six pixels, dingbats that no face has.
    """
    border = "solid" if kind in ("thin", "bold", "thick", "shaded") else kind
    for _ in range(TRIES):
        style = random_box_style(rng, side, ink, paper, screen, symbols, border)
        if kind_of(style, side) == kind:
            break
    return style


TICKS = "\u2713\u2714\u2717\u2718Xx\u00d7VvX\u25cf\u2022*"


def draw_box(
    canvas: Canvas,
    x: float,
    y: float,
    side: float,
    style: BoxStyle,
    filled: bool,
    rng: Rng,
    symbols: list[Face],
    text: Face,
) -> tuple[BoxStyle, tuple[float, float, float, float]]:
    """Prints a box whose top left corner is (x, y); returns the style it was drawn in and its outer edges.

    The style is another only where a dingbat is no square in its face: then a plain frame takes its place.
    """
    if style.border == "glyph":
        edges = _draw_glyph_box(canvas, x, y, side, style, filled)
        if edges is not None:
            return style, edges
        style = replace(style, border="solid")
    w, h = (side * style.aspect, side) if style.aspect < 1 else (side, side / style.aspect)
    x2, y2 = x + w, y + h
    radius = style.radius * side
    line = style.line
    if style.shadow > 0:
        canvas.round_bar(x + style.shadow, y + style.shadow, x2 + style.shadow, y2 + style.shadow, radius, style.ink)
        if style.fill < 0:
            canvas.round_bar(x, y, x2, y2, radius, 255)
    if style.fill >= 0:
        canvas.round_bar(x, y, x2, y2, radius, style.fill)
    if style.shade or style.gloss:  # in six steps
        for top, low in itertools.pairwise(np.linspace(y + line, y2 - line, 7).round().tolist()):
            reach = (top + low - 2 * y) / (2 * h)
            darker = style.shade * reach + (style.gloss if reach > 0.5 else 0.0)
            canvas.bar(x + line, top, x2 - line, low, float(np.clip(style.fill - darker, 0, 255)))
    if filled and style.solid_fill >= 0:
        canvas.round_bar(x, y, x2, y2, radius, style.solid_fill)
        if style.border != "none" and rng.random() < 0.5:
            canvas.round_bar(x, y, x2, y2, radius, style.solid_fill * 0.8, line)
    else:
        _border(canvas, x, y, x2, y2, radius, style, rng)
    if filled:
        _print_mark(canvas, x, y, x2, y2, style, rng, symbols, text)
    return style, (x, y, x2, y2)


def _border(canvas: Canvas, x: float, y: float, x2: float, y2: float, radius: float, style: BoxStyle, rng: Rng) -> None:
    line, ink = style.line, style.ink
    if style.border == "none":
        return
    if style.border == "solid":
        if radius > 0:
            canvas.round_bar(x, y, x2, y2, radius, ink, line)
        else:
            canvas.frame(x, y, x2, y2, line, ink)
    elif style.border == "double":
        thin = max(0.6, line * 0.6)
        canvas.frame(x, y, x2, y2, thin, ink)
        gap = thin + max(1.0, 0.08 * (x2 - x))
        canvas.frame(x + gap, y + gap, x2 - gap, y2 - gap, thin, ink)
    elif style.border in ("dashed", "dotted"):
        n = max(3, round((x2 - x) / (line * (2.0 if style.border == "dotted" else 4.5))))
        duty = 0.5 if style.border == "dotted" else 0.62
        for i in range(n):
            a, b = i / n, (i + duty) / n
            xa, xb, ya, yb = x + (x2 - x) * a, x + (x2 - x) * b, y + (y2 - y) * a, y + (y2 - y) * b
            canvas.bar(xa, y, xb, y + line, ink)
            canvas.bar(xa, y2 - line, xb, y2, ink)
            canvas.bar(x, ya, x + line, yb, ink)
            canvas.bar(x2 - line, ya, x2, yb, ink)
    elif style.border == "open":  # each side leaves a gap at its ends, or only the corners are drawn
        w, h = x2 - x, y2 - y
        if style.mark_size < 0.8:
            g = 0.16
            canvas.bar(x + g * w, y, x2 - g * w, y + line, ink)
            canvas.bar(x + g * w, y2 - line, x2 - g * w, y2, ink)
            canvas.bar(x, y + g * h, x + line, y2 - g * h, ink)
            canvas.bar(x2 - line, y + g * h, x2, y2 - g * h, ink)
        else:
            c = 0.34
            for ya, yb in ((y, y + line), (y2 - line, y2)):
                canvas.bar(x, ya, x + c * w, yb, ink)
                canvas.bar(x2 - c * w, ya, x2, yb, ink)
            for xa, xb in ((x, x + line), (x2 - line, x2)):
                canvas.bar(xa, y, xb, y + c * h, ink)
                canvas.bar(xa, y2 - c * h, xb, y2, ink)
    elif style.border == "bevel":  # dark above and left, light below and right
        line = max(1.0, round(min(line, 0.08 * (x2 - x))))
        canvas.bar(x, y, x2, y2, 255 if style.fill < 0 else style.fill)
        canvas.frame(x, y, x2, y2, line, 215)
        canvas.bar(x, y, x2, y + line, 128)
        canvas.bar(x, y, x + line, y2, 128)
        canvas.bar(x + line, y + line, x2 - line, y + 2 * line, 64)
        canvas.bar(x + line, y + line, x + 2 * line, y2 - line, 64)
    elif style.border == "hand":  # four strokes by hand, overshooting or not quite meeting
        w = x2 - x
        corners = np.array([(x, y), (x2, y), (x2, y2), (x, y2)]) + (line / 2, line / 2) * np.array(
            [[1, 1], [-1, 1], [-1, -1], [1, -1]]
        )
        for i in range(4):
            p, q = corners[i], corners[(i + 1) % 4]
            d = (q - p) * rng.uniform(-0.06, 0.12)
            bend = (p + q) / 2 + rng.normal(0, 0.025 * w, 2)
            canvas.path(np.array([p - d * rng.uniform(0, 1), bend, q + d * rng.uniform(0, 1)]), line, ink)
    else:
        raise ValueError(f"no such border: {style.border}")


def _print_mark(
    canvas: Canvas,
    x: float,
    y: float,
    x2: float,
    y2: float,
    style: BoxStyle,
    rng: Rng,
    symbols: list[Face],
    text: Face,
) -> None:
    w, h = x2 - x, y2 - y
    cx, cy = (x + x2) / 2, (y + y2) / 2
    k = style.mark_size
    grey = style.mark_grey
    thick = max(1.0, max(style.line, 0.1 * w) * (0.8 + 0.6 * (k - 0.6)))
    if style.mark == "tick":
        p = np.array([(-0.36, 0.0), (-0.1, 0.27), (0.38, -0.3)]) * k * (w, h) + (cx, cy)
        canvas.path(p, thick, grey)
    elif style.mark == "cross":
        r = 0.36 * k
        canvas.path(np.array([(cx - r * w, cy - r * h), (cx + r * w, cy + r * h)]), thick, grey)
        canvas.path(np.array([(cx + r * w, cy - r * h), (cx - r * w, cy + r * h)]), thick, grey)
    elif style.mark == "diagonal":  # corner to corner, as PDF forms do
        thin = max(0.8, style.line)
        canvas.path(np.array([(x, y), (x2, y2)]), thin, grey)
        canvas.path(np.array([(x2, y), (x, y2)]), thin, grey)
    elif style.mark == "solid":
        canvas.bar(x, y, x2, y2, grey)
    elif style.mark == "inset":
        m = max(style.line + 1, 0.5 * (1 - 0.68 * k) * w)
        canvas.bar(x + m, y + m, x2 - m, y2 - m, grey)
    elif style.mark == "dot":
        r = 0.28 * k * w
        canvas.round_bar(cx - r, cy - r, cx + r, cy + r, r, grey)
    elif style.mark == "dash":
        canvas.bar(cx - 0.3 * w, cy - thick / 2, cx + 0.3 * w, cy + thick / 2, grey)
    elif style.mark == "glyph":
        # The same glyph on the whole page: the choice hangs on the style, not on the box.
        want = TICKS[int(k * 997) % len(TICKS)]
        face = text
        if not face.has(want):
            able = [f for f in symbols if f.has(want)]
            if not able:
                want, able = "X", [text]
            face = able[int(k * 9973) % len(able)]
        canvas.sign(cx, cy, want, face, (0.45 if want in "\u2022\u25cf*" else 0.75) * k * h, grey)


def _draw_glyph_box(
    canvas: Canvas, x: float, y: float, side: float, style: BoxStyle, filled: bool
) -> tuple[float, float, float, float] | None:
    """A dingbat; the label is the extent of the empty one, whose outline the filled one shares."""
    if style.face is None:
        raise ValueError("a glyph style needs a face")
    trial = style.face.font(64)
    left, top, right, bottom = trial.getbbox(style.glyph_empty, anchor="ls")
    if right - left < 8 or not 0.8 < (bottom - top) / (right - left) < 1.25:
        return None
    font = style.face.font(max(6, round(64 * side / (right - left))))
    patch, _, base = ink_of(style.glyph_empty, font)
    ys, xs = np.nonzero(patch > 96)
    if not len(xs) or ys.min() == 0 or ys.max() == len(patch) - 1:  # blank, or taller than its line
        return None
    px, py = round(x) - int(xs.min()), round(y) - int(ys.min())
    chosen = patch
    if filled:
        chosen, _, base_filled = ink_of(style.glyph_filled, font)
        py_filled = py + base - base_filled
        # Where the filled glyph's square differs (another advance, another height), line up what can be lined
        # up.
        ys2, xs2 = np.nonzero(chosen > 96)
        if not len(xs2):
            return None
        if abs(int(xs2.min()) - int(xs.min())) > 0.15 * side or style.glyph_filled in "\u25a0\u25a3\u22a0":
            px_filled = round(x) - int(xs2.min())
            py_filled = round(y) - int(ys2.min())
            canvas.blend(chosen * np.float32(1 / 255), px_filled, py_filled, style.ink)
            if style.glyph_filled in "\u25a0\u25a3\u22a0":
                return (
                    px_filled + int(xs2.min()),
                    py_filled + int(ys2.min()),
                    px_filled + int(xs2.max()) + 1,
                    py_filled + int(ys2.max()) + 1,
                )
        else:
            canvas.blend(chosen * np.float32(1 / 255), px, py_filled, style.ink)
    else:
        canvas.blend(chosen * np.float32(1 / 255), px, py, style.ink)
    return px + int(xs.min()), py + int(ys.min()), px + int(xs.max()) + 1, py + int(ys.max()) + 1
