"""The one thing that drawing, degradation and training hand to each other: a page with labelled boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EMPTY = 0
FILLED = 1
IGNORE = -1


@dataclass
class Page:
    """A page image with its checkboxes.

    image: uint8, ``[H, W]`` grey or ``[H, W, 3]`` RGB.
    boxes: float32 ``[n, 4]``, x1, y1, x2, y2 in pixels: the outer edge of the printed square (not of a mark
        drawn over it). Pixel ``i`` covers ``[i, i + 1)``, so a square whose ink starts in column 10 has x1 =
        10.
    states: int8 ``[n]``: ``EMPTY``, ``FILLED`` or ``IGNORE`` (neither a box nor background for training).
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    states: NDArray[np.int8]
