"""Real icons of desktops and programs, for the screens that `screens.py` draws; `collect_icons.py` collects them.

They stand where checkboxes stand, beside words, and many are squares with something in them: a folder, an envelope, a window.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from model.canvas import DARK, Canvas

STOCK = Path(__file__).parent / "work" / "icons.npz"
SIDE = 64  # px of the stored icons

Rng = np.random.Generator


class Stock(NamedTuple):
    """n icons: grey and cover uint8 [n,SIDE,SIDE], cover 255 where nothing shows through."""

    grey: NDArray[np.uint8]
    cover: NDArray[np.uint8]


@lru_cache(1)
def stock(path: Path = STOCK) -> Stock | None:
    """What `model.collect_icons` wrote, or None where it has not run: screens then have drawn icons only."""
    if not path.exists():
        return None
    with np.load(path) as data:
        return Stock(data["grey"], data["cover"])


def put(canvas: Canvas, icons: Stock, x: float, y: float, side: float, rng: Rng) -> None:
    """One of the icons, at random, in a square of `side` pixels at (x, y).

    Where a dark one lies on a dark ground it is inverted, as desktops do with their symbolic icons.
    """
    i, size = int(rng.integers(len(icons.grey))), max(4, round(side))
    grey, cover = (cv2.resize(part[i], (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) for part in icons)
    left, top = round(x), round(y)
    under = canvas.image[max(0, top) : top + size, max(0, left) : left + size]
    if under.size and under.mean() < DARK and np.average(grey, weights=cover + 1e-3) < 100:
        grey = 255 - grey
    canvas.blend(cover / np.float32(255), left, top, grey)
