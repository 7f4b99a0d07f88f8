"""Which way a page's lines of text run, and the page turned so that they run level.

A photo is seldom straight, a scan may lie on its side; the networks read upright pages, a few degrees off at most.

The page, small, is cut into blocks of BLOCK pixels. In each, the differences between rows are added up along lines of every angle
in ANGLES (a projection profile), once across the page and once, rows and columns swapped, down it: along the lines of a text, and
along them alone, edges of letters add up and the sum of the squares is large (Postl's method, US patent 4,723,297 of 1988, expired;
by blocks, so that a table's rules or a picture do not outvote the text).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BLOCK = 48  # px
ANGLES = np.arange(-24, 25, 3)  # degrees
CONTRAST = 1.8  # grey: the differences in a block with anything to see in it, as the mean along a line
CLEAR = 2.0  # a block's lines run down the page if their sum is this many times that of those across, or the other way round


class Lean(NamedTuple):
    """How the lines of a page run.

    sideways: the share of the blocks whose lines run down the page, less the share of those whose lines run across it.
    degrees: how far the page is turned counterclockwise from where they run level or, if they run down it, upright.
    peak: how clearly, from 1, not at all, to len(ANGLES).  blocks: how many showed anything.
    """

    sideways: float
    degrees: float
    peak: float
    blocks: int


class Turn(NamedTuple):
    """By how many quarters, then by how many degrees, a page is turned counterclockwise."""

    quarters: int
    degrees: float


def energies(grey: NDArray[np.int64], rows: int, columns: int) -> Doubles:
    """For each angle and each of rows x columns blocks, how much adds up along lines across the page; [angles, rows * columns]."""
    across = np.diff(grey, axis=0)
    most = int(BLOCK / 2 * np.tan(np.radians(ANGLES[-1]))) + 1
    seen = across[: rows * BLOCK + most, : columns * BLOCK]
    padded = np.pad(seen, ((most, rows * BLOCK + most - len(seen)), (0, 0)))  # beyond the page nothing differs
    out = np.zeros((len(ANGLES), rows * columns))
    for angle, energy in zip(ANGLES, out, strict=True):
        profile = np.zeros((rows * BLOCK, columns), np.int64)
        for x in range(BLOCK):
            down = int(np.floor((x - BLOCK / 2 + 0.5) * np.tan(np.radians(-angle)) + 0.5))
            profile += padded[most + down : most + down + rows * BLOCK, x::BLOCK]
        energy[:] = (profile**2).reshape(rows, BLOCK, columns).sum(1).ravel()
    return out


def peak(energy: Doubles) -> tuple[int, float, float]:
    """Where the blocks' mean is largest: index of the angle, degrees between the angles by a parabola, and how far above the mean."""
    total = energy.sum(0)
    curve = np.divide(energy, total, out=np.zeros_like(energy), where=total > 0).mean(1) * len(ANGLES)
    best = int(curve.argmax())
    degrees = float(ANGLES[best])
    if 0 < best < len(ANGLES) - 1:
        before, at, after = curve[best - 1 : best + 2]
        if before + after < 2 * at:
            degrees += float((ANGLES[1] - ANGLES[0]) / 2 * (before - after) / (before - 2 * at + after))
    return best, degrees, float(curve[best])


def lean(page: Grey) -> Lean:
    """How the lines of a small grey page [H,W], some 500 px long, run."""
    grey = page.astype(np.int64)
    rows, columns = (grey.shape[0] - 1) // BLOCK, (grey.shape[1] - 1) // BLOCK
    if rows == 0 or columns == 0:
        return Lean(0, 0, 0, 0)
    across = energies(grey, rows, columns)
    down = energies(grey.T, columns, rows).reshape(-1, columns, rows).transpose(0, 2, 1).reshape(across.shape)
    shown = across.sum(0) + down.sum(0) > 2 * len(ANGLES) * BLOCK * (CONTRAST * BLOCK) ** 2
    blocks = int(shown.sum())
    if blocks == 0:
        return Lean(0, 0, 0, 0)
    across, down = across[:, shown], down[:, shown]
    (a, rise, clear), (d, fall, clear_down) = peak(across), peak(down)
    votes = (down[d] > CLEAR * across[a]).sum() - (across[a] > CLEAR * down[d]).sum()
    sideways = float(votes) / blocks
    return Lean(sideways, -fall, clear_down, blocks) if sideways > 0 else Lean(sideways, rise, clear, blocks)


def turns(lean: Lean, numbers: dict[str, Any]) -> list[Turn]:
    """The ways to read a page, one of which is right; the first is the page as it is.

    Not only lines of text run in parallel: the beats of a screen's dots and a camera's do, and rulings.  So a page that seems to
    slant is read as it is, too.
    """
    trusted = (
        lean.peak >= numbers["peak"] and lean.blocks >= numbers["blocks"] and abs(lean.degrees) >= numbers["least"]
    )
    back = -lean.degrees if trusted else 0.0
    if lean.sideways > numbers["sideways"]:
        return [Turn(0, 0.0), Turn(1, back), Turn(3, back)]
    return [Turn(0, 0.0), Turn(0, back)] if trusted else [Turn(0, 0.0)]


def frame(width: int, height: int, turn: Turn) -> tuple[int, int, Doubles]:
    """Width and height of a page of `width` x `height` turned, and where its points come from: a matrix [2,3]."""
    angle = np.radians(turn.degrees)
    c, s = np.cos(angle), np.sin(angle)
    w, h = (height, width) if turn.quarters % 2 else (width, height)
    wide, high = int(np.ceil(w * c + h * abs(s))), int(np.ceil(w * abs(s) + h * c))
    # Counterclockwise as seen, y downwards; about the middle of both.
    small = np.array([[c, -s], [s, c]])
    matrix = np.concatenate([small, (np.array([[w], [h]]) - small @ [[wide], [high]]) / 2], 1)
    # The quarters, from the page turned by them to the page.
    quarter = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, width], [1, 0, 0]],
        2: [[-1, 0, width], [0, -1, height]],
        3: [[0, 1, 0], [-1, 0, height]],
    }[turn.quarters]
    return wide, high, np.array(quarter, np.float64) @ np.concatenate([matrix, [[0, 0, 1]]])


def turned(page: Grey, turn: Turn) -> Grey:
    """A grey page [H,W] turned, as large as it takes to lose nothing; beyond it is paper."""
    if turn.degrees == 0:
        return np.ascontiguousarray(np.rot90(page, turn.quarters))
    height, width = page.shape
    wide, high, matrix = frame(width, height, turn)
    picture = Image.fromarray(page)
    return np.asarray(
        picture.transform(
            (wide, high), Image.Transform.AFFINE, matrix.ravel().tolist(), Image.Resampling.BILINEAR, fillcolor=255
        )
    )


def back(boxes: Floats, turn: Turn, width: int, height: int) -> Floats:
    """Boxes [n,4] on a page turned, on the page of `width` x `height` itself: upright again, around what the turned ones enclose."""
    if turn == Turn(0, 0.0):
        return boxes
    return around(boxes, frame(width, height, turn)[2])


def around(boxes: Floats, matrix: NDArray[Any]) -> Floats:
    """Upright boxes [n,4] around what becomes of boxes under an affine map [2,3]."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 @ np.abs(matrix[:, :2]).T
    return np.asarray(np.concatenate([middle - half, middle + half], 1), np.float32)
