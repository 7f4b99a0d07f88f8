"""What happens to a page between the printer and the file: scanners, phones, fax, screens and JPEG.

``degrade`` moves the pixels (rotation, perspective, warp) and the boxes with them, then spoils the
appearance.  About a third of the pages stay nearly clean, a third is moderately and a third badly degraded.
A box that can no longer be seen afterwards, or whose state can no longer be told, is set to ``IGNORE``.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model.page import EMPTY, FILLED, IGNORE, Page

Image = NDArray[np.uint8]
Rng = np.random.Generator


def _bytes(image: object) -> Image:
    """What OpenCV returned, as the uint8 array that it is."""
    return np.asarray(image, np.uint8)


def _move(page: Page, rng: Rng, strength: float) -> Page:
    """Rotation up to 5 degrees, slight scale, perspective and, at times, a smooth warp of the paper."""
    h, w = page.image.shape[:2]
    angle = float(np.clip(rng.normal(0, 0.4 + 2.2 * strength), -5, 5)) if rng.random() < 0.35 + 0.6 * strength else 0.0
    stretch = rng.normal(0, 0.006 + 0.02 * strength, 2)
    tilt = rng.normal(0, 0.045 * strength, (4, 2)) if rng.random() < 0.5 * strength else np.zeros((4, 2))
    warp = rng.random() < 0.35 * strength
    photo = rng.random() < 0.15 * strength  # taken from further off, with the table around the sheet
    if photo:
        stretch = stretch - rng.uniform(0.03, 0.25)
        tilt = rng.normal(0, 0.05, (4, 2))
    if angle == 0 and not tilt.any() and not warp and rng.random() < 0.5:
        return page
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64)
    a = np.deg2rad(angle)
    rot = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    middle = np.array([w / 2, h / 2])
    target = (
        (corners - middle) * (1 + stretch) @ rot.T + middle + tilt * min(w, h) + rng.normal(0, 0.01, 2) * w * strength
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)).astype(np.float64)
    # Half a pixel: boxes are measured from pixel edges, OpenCV from pixel centres.
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    centred = half @ matrix @ np.linalg.inv(half)
    fill, border = _surround(page.image, rng)
    image = page.image
    n = len(page.boxes)
    b = page.boxes.astype(np.float64)
    quad = np.stack([b[:, [0, 1]], b[:, [2, 1]], b[:, [2, 3]], b[:, [0, 3]]], 1).reshape(-1, 1, 2)
    image = _bytes(
        cv2.warpPerspective(image, centred, (w, h), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill)
    )
    if photo:
        sheet = _bytes(cv2.warpPerspective(np.full((h, w), 255, np.uint8), centred, (w, h)))
        image = np.where(_like(sheet, image) > 127, image, _like(_table_top(h, w, rng), image)).astype(np.uint8)
    if n:
        quad = np.asarray(cv2.perspectiveTransform(quad, matrix), np.float64)
    if warp:  # bulge: a few low-frequency waves
        amount = rng.uniform(1, 4 + 6 * strength)
        small = rng.normal(0, 1, (2, 4, 4)).astype(np.float32)
        field = [cv2.resize(f, (w, h), interpolation=cv2.INTER_CUBIC) * np.float32(amount) for f in small]
        gx, gy = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
        image = _bytes(
            cv2.remap(image, gx + field[0], gy + field[1], cv2.INTER_LINEAR, borderMode=border, borderValue=fill)
        )
        if n:  # the map is dst -> src; for so smooth a field the inverse is minus the displacement
            at = quad.reshape(-1, 2).astype(int).clip(0, (w - 1, h - 1))
            quad = quad - np.stack([field[0][at[:, 1], at[:, 0]], field[1][at[:, 1], at[:, 0]]], 1)[:, None]
    if not n:
        return Page(image, page.boxes.copy(), page.states.copy())
    quad = quad.reshape(n, 4, 2)
    boxes = np.concatenate([quad.min(1), quad.max(1)], 1).astype(np.float32)
    return _clip(Page(image, boxes, page.states.copy()))


def _clip(page: Page) -> Page:
    """Cuts boxes at the page's edge; drops those of which nothing shows, ignores those of which less than 2/3 shows."""
    h, w = page.image.shape[:2]
    b = page.boxes
    cut = b.clip(0, np.array([w, h, w, h], np.float32))
    whole = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    seen = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1]) / np.maximum(whole, 1e-6)
    states = np.where(seen < 0.67, IGNORE, page.states).astype(np.int8)
    keep = seen > 0.02
    return Page(page.image, cut[keep], states[keep])


def _surround(image: Image, rng: Rng) -> tuple[tuple[float, ...], int]:
    """What shows beyond the paper: its own edge continued, the scanner's black or white lid, or a table top."""
    kind = rng.random()
    if kind < 0.45:
        return (0.0, 0.0, 0.0), cv2.BORDER_REPLICATE
    value = float(rng.choice([255.0, 245.0, 0.0, 20.0, rng.uniform(30, 200)]))
    return (value, value, value), cv2.BORDER_CONSTANT


def _scale_about(image: Image, factor: float, rng: Rng) -> Image:
    """Down and up again (or up and down): one link of a resampling chain."""
    h, w = image.shape[:2]
    down = int(
        rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.3, 0.15, 0.05])
    )
    up = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4], p=[0.5, 0.4, 0.1]))
    small = cv2.resize(image, (max(8, round(w * factor)), max(8, round(h * factor))), interpolation=down)
    return _bytes(cv2.resize(small, (w, h), interpolation=up))


def _field(h: int, w: int, rng: Rng, cells: int) -> NDArray[np.float32]:
    """A smooth random field of about unit amplitude."""
    small = rng.normal(0, 1, (cells + 2, cells + 2)).astype(np.float32)
    return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC), np.float32)


def _like(field: NDArray[Any], image: Image) -> NDArray[Any]:
    """A single channel with the dimensions that ``image`` has."""
    return field if image.ndim == 2 else field[..., None]


def _table_top(h: int, w: int, rng: Rng) -> Image:
    """Wood, cloth or stone: bands and blotches around some grey."""
    cells = np.stack([_field(h, w, rng, k) for k in (3, 40)]).sum(0)
    if rng.random() < 0.5:
        cells = cells + _field(h, 1, rng, 60) * 1.5
    return (rng.uniform(30, 210) + cells * rng.uniform(3, 18)).clip(0, 255).astype(np.uint8)


def _gain(image: Image, gain: NDArray[np.float32]) -> Image:
    return (image * _like(gain, image)).clip(0, 255).astype(np.uint8)


def _shade(image: Image, rng: Rng, strength: float) -> Image:
    """Uneven light: a slope, a soft blotch, the dark gutter of a book."""
    h, w = image.shape[:2]
    y = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    a = rng.uniform(0, 2 * np.pi)
    gain = 1 - np.float32(strength * rng.uniform(0.05, 0.4)) * (
        0.5 + 0.5 * (np.float32(np.cos(a)) * x + np.float32(np.sin(a)) * y)
    )
    if rng.random() < 0.4:
        gain = gain * (1 - np.float32(strength * rng.uniform(0.03, 0.12)) * np.abs(_field(h, w, rng, 3)))
    if rng.random() < 0.25:
        edge = (x if rng.random() < 0.5 else y) * (1 if rng.random() < 0.5 else -1)
        gain = gain * (
            1 - np.float32(rng.uniform(0.2, 0.7) * strength) * np.exp((edge - 1) / np.float32(rng.uniform(0.03, 0.15)))
        )
    return _gain(image, gain.astype(np.float32))


def _shadow(image: Image, rng: Rng, strength: float) -> Image:
    """The shadow of a hand or a phone: a soft-edged polygon."""
    h, w = image.shape[:2]
    small = np.full((64, 64), 255, np.uint8)
    k = int(rng.integers(3, 7))
    middle = rng.uniform(0, 64, 2)
    points = (middle + rng.uniform(-45, 45, (k, 2))).astype(np.int32)
    cv2.fillPoly(small, [cv2.convexHull(points)], int(255 * (1 - strength * rng.uniform(0.2, 0.6))))
    small = _bytes(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.6, 5)))
    return _gain(
        image,
        np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), np.float32) / np.float32(255),
    )


def _blur(image: Image, rng: Rng, sigma: float) -> Image:
    if rng.random() < 0.75:
        return _bytes(cv2.GaussianBlur(image, (0, 0), max(0.25, sigma)))
    length = max(2, round(sigma * 3))  # motion
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    a = rng.uniform(0, np.pi)
    d = np.array([np.cos(a), np.sin(a)]) * length / 2
    p, q = (length - d).round().astype(int).tolist(), (length + d).round().astype(int).tolist()
    cv2.line(kernel, p, q, 1.0, 1)
    return _bytes(cv2.filter2D(image, -1, kernel / kernel.sum()))


def _noise(image: Image, rng: Rng, sigma: float) -> Image:
    h, w = image.shape[:2]
    noise = rng.standard_normal((h, w), np.float32)
    if rng.random() < 0.5:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.2)), np.float32) * np.float32(2)
    return (image + _like(noise * np.float32(sigma), image)).clip(0, 255).astype(np.uint8)


def _levels(image: Image, black: float, white: float, gamma: float) -> Image:
    """Maps black to ``black`` and white to ``white`` (0..255) along a gamma curve."""
    t = np.linspace(0, 1, 256) ** gamma
    return np.asarray(cv2.LUT(image, (black + (white - black) * t).clip(0, 255).round().astype(np.uint8)), np.uint8)


def _dirt(image: Image, rng: Rng, strength: float) -> Image:
    """Specks, hairs, streaks of a scanner's glass, punch holes."""
    h, w = image.shape[:2]
    out = image.copy()
    for _ in range(int(rng.poisson(4 + 40 * strength * rng.random()))):
        at = (int(rng.integers(w)), int(rng.integers(h)))
        grey = int(rng.integers(0, 140)) if rng.random() < 0.85 else 255
        cv2.circle(out, at, int(rng.choice([0, 0, 1, 1, 2, 3])), (grey,) * 3, -1, cv2.LINE_AA)
    for _ in range(int(rng.poisson(0.8 * strength))):
        p = rng.uniform(0, 1, 2) * (w, h) + np.cumsum(rng.normal(0, 9, (8, 2)), 0)
        cv2.polylines(out, [p.astype(np.int32)], False, (int(rng.integers(30, 160)),) * 3, 1, cv2.LINE_AA)
    for _ in range(int(rng.poisson(0.5 * strength))):
        x = int(rng.integers(w))
        col = out[:, x : x + int(rng.integers(1, 3))]
        col[...] = (col * rng.uniform(0.5, 1)).astype(np.uint8)
    if rng.random() < 0.1 * strength:
        r = int(rng.uniform(0.008, 0.016) * max(h, w))
        x = int(rng.uniform(1.5, 3) * r)
        for f in (0.35, 0.65) if rng.random() < 0.6 else (0.15, 0.4, 0.6, 0.85):
            cv2.circle(out, (x, int(h * f)), r, (int(rng.choice([0, 40, 255, 200])),) * 3, -1, cv2.LINE_AA)
    return out


def _bleed(image: Image, boxes: NDArray[np.float32], rng: Rng) -> Image:
    """The page's back side, mirrored, faint and soft, shining through.

    Its checkboxes [n,4] are left out: a ghost of one looks like a pale one, and to call it background taught the
    network to miss those.
    """
    back = image.copy()
    for x1, y1, x2, y2 in boxes:
        m = 0.25 * (x2 - x1) + 2
        back[max(0, int(y1 - m)) : max(0, int(y2 + m)), max(0, int(x1 - m)) : max(0, int(x2 + m))] = 255
    back = back[:, ::-1] if rng.random() < 0.8 else back[::-1]
    back = np.asarray(np.roll(back, (int(rng.integers(-60, 60)), int(rng.integers(-60, 60))), (0, 1)))
    soft = np.asarray(cv2.GaussianBlur(back, (0, 0), rng.uniform(0.8, 2.5)), np.float32)
    gain = 1 - (1 - soft / np.float32(255)) * np.float32(rng.uniform(0.05, 0.28))
    return (image * gain).astype(np.uint8)


def _moire(image: Image, rng: Rng, strength: float) -> Image:
    """Beats of a screen's or a halftone's grid with the sensor's."""
    h, w = image.shape[:2]
    y = np.arange(h, dtype=np.float32)[:, None]
    x = np.arange(w, dtype=np.float32)[None, :]
    wave = np.zeros((h, w), np.float32)
    for _ in range(2):
        a, period = rng.uniform(0, np.pi), rng.uniform(2.2, 14)
        k = np.float32(2 * np.pi / period)
        bend = np.float32(rng.uniform(0, 1.5)) * np.sin(x * np.float32(rng.uniform(0.002, 0.01)))
        wave += np.sin(k * (np.float32(np.cos(a)) * x + np.float32(np.sin(a)) * y) + bend)
    return (image + _like(wave * np.float32(rng.uniform(2, 9) * strength), image)).clip(0, 255).astype(np.uint8)


def _threshold(image: Image, rng: Rng) -> Image:
    """Black and white: global, local, or dithered; with the toner's ragged edge."""
    grey = image if image.ndim == 2 else _bytes(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    kind = rng.random()
    if rng.random() < 0.6:
        grey = _bytes(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.4, 0.9)))
        grey = _noise(grey, rng, rng.uniform(2, 14))
    if kind < 0.5:
        level = float(np.percentile(grey[::7, ::7], 80)) * rng.uniform(0.55, 0.85)
        out = np.where(grey > level, 255, 0).astype(np.uint8)
    elif kind < 0.85:
        size = int(rng.integers(7, 30)) * 2 + 1
        out = _bytes(
            cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, size, rng.uniform(6, 22)),
        )
    else:  # ordered dither
        bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) * 16 + 8
        h, w = grey.shape
        tile = np.tile(bayer, (h // 4 + 1, w // 4 + 1))[:h, :w]
        out = np.where(grey > tile, 255, 0).astype(np.uint8)
    if rng.random() < 0.3:  # fax: coarse lines
        out = _scale_about(out, rng.uniform(0.55, 0.85), rng)
        if rng.random() < 0.5:
            out = np.where(out > 127, 255, 0).astype(np.uint8)
    return out if image.ndim == 2 else np.repeat(out[..., None], 3, 2)


def _toner(image: Image, rng: Rng) -> Image:
    """Ink spread or starved: a small erosion or dilation, blended in."""
    kernel = np.ones((2, 2), np.uint8) if rng.random() < 0.6 else np.ones((3, 3), np.uint8)
    op = cv2.erode if rng.random() < 0.6 else cv2.dilate  # erode darkens: ink grows
    share = rng.uniform(0.2, 0.7)
    return _bytes(cv2.addWeighted(op(image, kernel), share, image, 1 - share, 0))


def _cast(image: Image, rng: Rng) -> Image:
    """A colour cast; on grey pages only its brightness remains."""
    if image.ndim == 2:
        return image
    return (image * rng.uniform(0.82, 1.0, 3).astype(np.float32)).astype(np.uint8)


def _jpeg(image: Image, quality: int) -> Image:
    bgr = image if image.ndim == 2 else image[..., ::-1]
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    out = _bytes(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR))
    return out if image.ndim == 2 else np.ascontiguousarray(out[..., ::-1])


def _spoil(image: Image, boxes: NDArray[np.float32], rng: Rng, strength: float) -> Image:
    """Everything but geometry, in about the order in which it happens, to a page with these boxes [n,4]."""
    paper = rng.random() < 0.8  # else a screenshot: no scanner, only scaling and JPEG
    if paper:
        if rng.random() < 0.25 * strength + 0.05:
            image = _toner(image, rng)
        if rng.random() < 0.25 * strength:
            image = _bleed(image, boxes, rng)
        if rng.random() < 0.6 * strength + 0.1:
            white = 255 - rng.uniform(0, 60) * strength
            black = rng.uniform(0, 110) * strength if rng.random() < 0.7 else rng.uniform(0, 150) * strength
            image = _levels(image, black, white, float(np.exp(rng.normal(0, 0.35 * strength))))
        if rng.random() < 0.5 * strength:
            image = _shade(image, rng, strength)
        if rng.random() < 0.2 * strength:
            image = _shadow(image, rng, strength)
        if rng.random() < 0.2 * strength:
            image = _cast(image, rng)
        if rng.random() < 0.35 * strength:
            image = _dirt(image, rng, strength)
    if rng.random() < (0.55 if paper else 0.3) * strength + 0.1:
        image = _blur(image, rng, abs(rng.normal(0, 0.25 + 0.95 * strength)) + 0.2)
    if rng.random() < 0.5 * strength + 0.1:
        image = _scale_about(image, rng.uniform(1 - 0.55 * strength, 1.3), rng)
    if paper and rng.random() < 0.12 * strength:
        image = _moire(image, rng, strength)
    if paper and rng.random() < 0.55 * strength + 0.05:
        image = _noise(image, rng, abs(rng.normal(0, 1 + 9 * strength)))
    if paper and rng.random() < 0.2 * strength + 0.02:
        image = _threshold(image, rng)
    if rng.random() < 0.15 * strength + 0.05:  # a sharpening driver
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 1.6))
        k = rng.uniform(0.3, 1.2)
        image = _bytes(cv2.addWeighted(image, 1 + k, soft, -k, 0))
    if rng.random() < 0.55:
        low = 95 - 75 * strength
        image = _jpeg(image, int(rng.uniform(max(20, low - 5), 96)))
    return image


def _grey(image: Image) -> NDArray[np.float32]:
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean()) / max(float(a.std() * b.std()), 1e-6)


def _range(values: NDArray[np.float32]) -> tuple[float, float]:
    """The 3rd and 97th percentiles."""
    k = len(values) * 3 // 100
    part = np.partition(values, (k, len(values) - 1 - k))
    return float(part[k]), float(part[len(values) - 1 - k])


def _judge(before: Page, after: Image) -> NDArray[np.int8]:
    """The states as far as they can still be seen: a box that no longer resembles its clean self becomes IGNORE.

    Compared are the clean and the spoilt patch around each box (one third of a side beyond it), both slightly
    blurred: the correlation of the rim, where the outline is, and the amount of ink inside, where the mark
    is.
    """
    states = before.states.copy()
    if not len(states):
        return states
    h, w = after.shape[:2]
    a, b = _grey(before.image), _grey(after)
    a = np.asarray(cv2.GaussianBlur(a, (0, 0), 0.8), np.float32)
    b = np.asarray(cv2.GaussianBlur(b, (0, 0), 0.8), np.float32)
    for i, (x1, y1, x2, y2) in enumerate(before.boxes):
        if states[i] == IGNORE:
            continue
        side = min(x2 - x1, y2 - y1)
        if side < 6:
            states[i] = IGNORE
            continue
        m = max(2.0, side / 3)
        ax, ay = max(0, int(x1 - m)), max(0, int(y1 - m))
        bx, by = min(w, int(np.ceil(x2 + m))), min(h, int(np.ceil(y2 + m)))
        p, q = a[ay:by, ax:bx], b[ay:by, ax:bx]
        inset = max(2.0, 0.2 * side)
        iy = slice(max(0, int(y1 + inset) - ay), max(1, int(np.ceil(y2 - inset)) - ay))
        ix = slice(max(0, int(x1 + inset) - ax), max(1, int(np.ceil(x2 - inset)) - ax))
        rim = np.ones(p.shape, bool)
        rim[iy, ix] = False
        u, v = p[rim] - p[rim].mean(), q[rim] - q[rim].mean()
        su, sv = float(u.std()), float(v.std())
        if sv < 3.5 or su < 1 or float((u * v).mean()) < 0.5 * su * sv:
            states[i] = IGNORE
            continue
        # Ink inside against the rim's brightest part (its darkest, for a light box on a dark page), in units
        # of the rim's contrast: comparable before and after.
        p_in, q_in = p[iy, ix], q[iy, ix]
        (p_lo, p_hi), (q_lo, q_hi) = _range(p[rim]), _range(q[rim])
        was = (p_in - p_lo) / max(p_hi - p_lo, 1)
        now = (q_in - q_lo) / max(q_hi - q_lo, 1)
        if states[i] == EMPTY and abs(float(np.median(now)) - float(np.median(was))) > 0.5:
            states[i] = IGNORE  # a grey fill gone black
        elif states[i] == FILLED:
            flat = float(was.std()) < 0.08
            if flat and abs(float(now.mean()) - float(was.mean())) > 0.5:
                states[i] = IGNORE  # a solid fill gone white
            elif not flat and (now.std() < 0.25 * was.std() or _correlation(was, now) < 0.35):
                states[i] = IGNORE  # a faint mark gone, or a mark drowned
    return states


def degrade(page: Page, rng: Rng) -> Page:
    """A degraded copy of ``page`` of the same size; boxes are the axis-aligned bounds of the moved squares.

    Boxes pushed off the page are dropped; those that can no longer be seen or judged become ``IGNORE``.
    """
    draw = rng.random()
    if draw < 0.06:
        return Page(page.image.copy(), page.boxes.copy(), page.states.copy())
    strength = float(
        rng.uniform(0.02, 0.15) if draw < 0.36 else rng.uniform(0.15, 0.5) if draw < 0.68 else rng.uniform(0.5, 1)
    )
    moved = _move(page, rng, strength)
    image = _spoil(moved.image, moved.boxes, rng, strength)
    return Page(image, moved.boxes.copy(), _judge(moved, image))
