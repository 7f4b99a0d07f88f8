"""The one thing that drawing, degradation and training hand to each other: a page with labelled boxes.

On disk a page is NAME.npy, the grey picture, and NAME.boxes.npy, float32 [n,5] of x1, y1, x2, y2, state; `model.mine` may
add NAME.hard.npy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


def save(page: Page, folder: Path, name: str) -> None:
    """Write a page; the picture comes last and by renaming, so that a reader never sees half of one."""
    labels = np.concatenate([page.boxes, page.states[:, None].astype(np.float32)], 1)
    np.save(folder / f"{name}.boxes.npy", labels.astype(np.float32))
    part = folder / f"{name}.part"
    with open(part, "wb") as f:
        np.save(f, page.image)
    part.rename(folder / f"{name}.npy")


def pages_in(folder: Path) -> list[Path]:
    """The pictures of the pages that `save` wrote into a folder."""
    return sorted(p for p in folder.glob("*.npy") if not p.name.endswith((".boxes.npy", ".hard.npy")))


def remove(picture: Path) -> None:
    """Delete a page: its picture, its labels and what was mined from it."""
    for path in (picture, picture.with_suffix(".boxes.npy"), picture.with_suffix(".hard.npy")):
        path.unlink(missing_ok=True)
