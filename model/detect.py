"""The whole path from a picture to checkboxes in numpy: the reference that the shipped module is compared with.

    python -m model.detect page.png [--conf 0.5]

The finder reads the whole page and proposes candidates, all that might be a checkbox; the verifier looks closely at each. Both
follow the numbers in checkbox.json, whose keys are documented in README.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.net import LOG_MAX, LOG_MIN, MULTIPLE, STRIDE
from model.upright import Turn, back, lean, turned, turns

HERE = Path(__file__).parent
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Runner = Callable[[Floats], Floats]  # the finder [1,1,H,W] -> [1,24,H/8,W/8], the verifier [N,1,S,S] -> [N,6,1,1]

MAX_INSIDE = (
    0.7  # a box with more than this share of its area inside a better one is part of it (double border, shadow)
)
SEAM = 16.0  # px: a box ending this close to a seam between tiles is cut or seen without what is around it; another tile has it whole
MOST = 5000  # candidates, and boxes, a page
BLANK = 4  # levels of grey: paper differs by no more from one pixel to the next where nothing is printed
MARGIN = 8  # px of the paper around what is printed are shown to the finder with it
WORTH = 1.1  # a page is not read again for less than this enlargement
ROWS = 500  # of a page, at least half as many, tell its contrast
NEAR = 8  # px: so far apart, blank paper differs by its noise alone, however soft that is
SAME_SIZE = 1.12  # two boxes are of one size if the longer side of neither is this many times the other's


OF_EACH = ("boxes", "logit", "state", "seen", "contrast")  # what is known of each of the boxes found


@dataclass
class Found:
    """Boxes of a page, the most confident first.

    boxes [n,4] x1, y1, x2, y2 in pixels of the picture; logit [n] of being a checkbox; state [n]: logit of "filled".
    seen [n,2]: the logits of finder and verifier that `logit` is made of (`rescored`).  contrast [n]: range of grey there.
    pixels: how many the finder read for that, padding included.  checked: how many candidates the verifier saw.
    """

    boxes: Floats
    logit: Floats
    state: Floats
    seen: Floats
    contrast: Floats
    pixels: int = 0
    checked: int = 0

    @property
    def confidence(self) -> Floats:
        """Probability of being a checkbox [n]."""
        return np.asarray(1 / (1 + np.exp(-self.logit)), np.float32)

    def pick(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Found:
        """Some of them, by mask or indices."""
        return replace(self, **{part: getattr(self, part)[which] for part in OF_EACH})

    def above(self, conf: float) -> Found:
        return self.pick(self.confidence >= conf)


class Networks(NamedTuple):
    """The two networks, ready to run."""

    finder: Runner
    verifier: Runner


def networks(folder: Path = HERE) -> Networks:
    """Those that the export wrote."""
    return Networks(onnx_runner(folder / "finder.onnx"), onnx_runner(folder / "verifier.onnx"))


def onnx_runner(network: Path | bytes, threads: int = 1) -> Runner:
    """An exported network, a file or its content, in ONNX Runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"image": x})[0], np.float32)


def settings(path: Path = HERE / "checkbox.json") -> dict[str, Any]:
    """What the export wrote beside the networks."""
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def working_size(width: int, height: int, scale: dict[str, Any]) -> tuple[int, int]:
    """Width and height at which a page is read: its long side at `long_side`, at most `max_enlargement` times enlarged.

    A page longer than `max_aspect` times its short side counts as several pages, so that its boxes do not vanish.
    """
    page_side = min(max(width, height), min(width, height) * scale["max_aspect"])
    return scaled(width, height, min(scale["long_side"] / page_side, scale["max_enlargement"]))


def closer_size(width: int, height: int, size: tuple[int, int], closer: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height at which a page already read at `size` is read again: `times` as large, never more than it is.

    None where that would be less than WORTH times as large, or have more than `pixels`.
    """
    factor = size[0] / width
    larger = min(factor * closer["times"], 1.0)
    w, h = scaled(width, height, larger)
    return (w, h) if larger >= WORTH * factor and w * h <= closer["pixels"] else None


def scaled(width: int, height: int, factor: float) -> tuple[int, int]:
    """Both sides times `factor`, in whole pixels."""
    return max(1, int(width * factor + 0.5)), max(1, int(height * factor + 0.5))


def spans(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    """Start and size of equal pieces, none longer than `longest`, that cover `length` and overlap by at least `overlap`."""
    if length <= longest:
        return [(0, length)]
    count = -(-(length - overlap) // (longest - overlap))
    size = -(-(length + overlap * (count - 1)) // count)
    return [(min(i * (size - overlap), length - size), size) for i in range(count)]


class Tile(NamedTuple):
    """A rectangle of the page at working scale, in pixels."""

    x: int
    y: int
    width: int
    height: int


def tiles(size: tuple[int, int], scale: dict[str, Any]) -> list[Tile]:
    """A page of `size` (width, height) in tiles of at most `long_side`, row by row; an ordinary page is one."""
    columns, rows = (spans(length, scale["long_side"], scale["overlap"]) for length in size)
    return [Tile(x, y, w, h) for y, h in rows for x, w in columns]


def within(tile: Tile, boxes: Floats, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of the boxes [n,4] keep SEAM pixels from those of the tile's edges beyond which the page goes on."""
    right, below = tile.x + tile.width, tile.y + tile.height
    return np.asarray(
        ((boxes[:, 0] >= tile.x + SEAM) | (tile.x == 0))
        & ((boxes[:, 1] >= tile.y + SEAM) | (tile.y == 0))
        & ((boxes[:, 2] <= right - SEAM) | (right == size[0]))
        & ((boxes[:, 3] <= below - SEAM) | (below == size[1]))
    )


def squares(page: Grey, boxes: Floats, size: int, side: float) -> tuple[Grey, Floats]:
    """What is around each of the boxes [n,4] on a grey page [H,W]: squares [n,size,size] in which its longer side is `side` pixels.

    The box lies in the middle; beyond the page is paper. Also [n,3], each square's left, top and scale: what is at x on the page
    is at (x - left) * scale in the square.
    """
    height, width = page.shape
    picture = Image.fromarray(page)
    out = np.full((len(boxes), size, size), 255, np.uint8)
    where = np.zeros((len(boxes), 3), np.float32)
    for square, place, box in zip(out, where, boxes.astype(np.float64), strict=True):
        scale = side / max(box[2] - box[0], box[3] - box[1], 1.0)
        left, top = (box[0] + box[2] - size / scale) / 2, (box[1] + box[3] - size / scale) / 2
        place[:] = left, top, scale
        # The whole pixels of the square that lie on the page.
        x0, x1 = max(0, int(np.ceil(-left * scale))), min(size, int(np.floor((width - left) * scale)))
        y0, y1 = max(0, int(np.ceil(-top * scale))), min(size, int(np.floor((height - top) * scale)))
        if x0 < x1 and y0 < y1:
            part = (left + x0 / scale, top + y0 / scale, left + x1 / scale, top + y1 / scale)
            inside = (max(part[0], 0.0), max(part[1], 0.0), min(part[2], width), min(part[3], height))  # for rounding
            scaled = picture.resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, inside)
            square[y0:y1, x0:x1] = np.asarray(scaled)
    return out, where


def ink(grey: Grey) -> Floats:
    """Grey, 0 black to 255 paper, as the networks take it: ink 1, paper 0."""
    return np.asarray(1 - grey.astype(np.float32) / 255, np.float32)


def stretched(page: Grey, contrast: dict[str, Any]) -> Grey:
    """A grey page [H,W] of little contrast with all there can be: a faded print, a photo taken in the dark.

    Its range, but for a `share` of the pixels at either end, becomes black to white if it is `least` to `enough`.  Wider ones
    stay as they are.  So do narrower ones, and those less than `noise` times the noise: blank paper, and what is on it is
    too small to count here.
    """
    rows = page[:: -(-len(page) // ROWS)]
    low, high = grey_range(rows, contrast["share"])
    apart = np.abs(rows[:, NEAR:].astype(np.int16) - rows[:, :-NEAR])
    noise = first_beyond(apart, 0.5)  # about a standard deviation
    if not max(contrast["least"], contrast["noise"] * noise) <= high - low < contrast["enough"]:
        return page
    above = np.arange(256).clip(low, high) - low
    return np.asarray(((510 * above + high - low) // (2 * (high - low))).astype(np.uint8)[page])


def grey_range(grey: Grey, share: float) -> tuple[int, int]:
    """The lowest and the highest grey but for a share of the pixels at either end."""
    return first_beyond(grey, share), 255 - first_beyond(255 - grey, share)


def first_beyond(levels: NDArray[Any], share: float) -> int:
    """The lowest of these levels, 0 to 255, up to which there are more than a share of them; 0 if there are none."""
    counts = np.bincount(levels.ravel(), minlength=256).cumsum()
    return int(np.argmax(counts > share * counts[-1]))


def printed(page: Grey, tile: Tile) -> Tile | None:
    """The part of a tile of a grey page [H,W] that holds all that is printed there, or None: blank margins need no reading.

    It begins a multiple of MULTIPLE pixels from the tile's left and upper edge, so that the finder's cells lie where they would.
    """
    x, y, w, h = tile
    grey = page[y : y + h, x : x + w].astype(np.int16)
    beside, below = (np.abs(np.diff(grey, axis=axis)) > BLANK for axis in (1, 0))
    columns = np.flatnonzero(np.r_[beside.any(0), False] | below.any(0))
    rows = np.flatnonzero(beside.any(1) | np.r_[False, below.any(1)])
    if not len(rows):
        return None
    (left, wide), (top, high) = span(columns, w), span(rows, h)
    return Tile(x + left, y + top, wide, high)


def span(used: NDArray[np.intp], length: int) -> tuple[int, int]:
    """Start and length of what is used of so many pixels, with its margin, at multiples of MULTIPLE."""
    start = max(0, int(used[0]) - MARGIN) // MULTIPLE * MULTIPLE
    end = start + -(-(int(used[-1]) + 2 + MARGIN - start) // MULTIPLE) * MULTIPLE
    return start, min(end, length) - start


def network_input(tile: Grey) -> Floats:
    """Grey [h,w] to [1,1,H,W]: ink 1, paper 0, padded with paper to multiples of 32 at the right and below."""
    h, w = tile.shape
    out = np.zeros((1, 1, -(-h // MULTIPLE) * MULTIPLE, -(-w // MULTIPLE) * MULTIPLE), np.float32)
    out[0, 0, :h, :w] = ink(tile)
    return out


def decode(output: Floats, least: float) -> tuple[Floats, Floats]:
    """Boxes [n,4] in pixels of the finder's input and logits [n] of all cells with at least `least`; output [1,24,h,w]."""
    _, c, h, w = output.shape
    cells = output.reshape(c // 4, 2, 2, h, w).transpose(0, 3, 1, 4, 2).reshape(c // 4, 2 * h, 2 * w)
    y, x = np.nonzero(cells[0] >= least)
    left, top, right, bottom = STRIDE * np.exp(cells[2:6, y, x].clip(LOG_MIN, LOG_MAX))
    cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
    boxes = np.stack([cx - left, cy - top, cx + right, cy + bottom], 1).astype(np.float32)
    return boxes, cells[0, y, x]


def areas(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    """What each of [n,4] shares with each of [m,4], [n,m], and the areas of both, [n,1] and [1,m]."""
    w = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    h = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    return w.clip(0) * h.clip(0), area_a[:, None], area_b[None]


def same_box(a: Floats, b: Floats, iou: float) -> NDArray[np.bool_]:
    """Whether each of [n,4] is the same box as each of [m,4]: overlaps it by `iou`, or one holds MAX_INSIDE of the other; [n,m]."""
    shared, area_a, area_b = areas(a, b)
    return np.asarray((shared > iou * (area_a + area_b - shared)) | (shared > MAX_INSIDE * np.minimum(area_a, area_b)))


def suppress(boxes: Floats, score: Floats, iou: float, most: int) -> NDArray[np.intp]:
    """Indices of at most `most` that survive, best first: a box goes if it is the same as a better one."""
    order = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, rest = order[:1], order[1:]
        kept.append(int(best[0]))
        order = rest[~same_box(boxes[best], boxes[rest], iou)[0]]
    return np.array(kept, np.intp)


def iou(a: Floats, b: Floats) -> Floats:
    """IoU of each of [n,4] with each of [m,4]."""
    shared, area_a, area_b = areas(a, b)
    return np.asarray(shared / np.maximum(area_a + area_b - shared, 1e-6), np.float32)


def on_page(found: Found, page: tuple[int, int]) -> Found:
    """What of the boxes lies on a page (width, height)."""
    width, height = page
    boxes = np.asarray(found.boxes.clip(0, np.array([width, height] * 2, np.float32)), np.float32)
    cut = replace(found, boxes=boxes)
    return cut.pick((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def size_of(image: Grey) -> tuple[int, int]:
    """Width and height of a grey page [H,W]."""
    return image.shape[1], image.shape[0]


def resized(image: Grey, size: tuple[int, int]) -> Grey:
    """A grey page [H,W] at `size` (width, height)."""
    if size == size_of(image):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def candidates(shown: Grey, page: tuple[int, int], finder: Runner, numbers: dict[str, Any]) -> Found:
    """All that the finder takes for a checkbox on a `page` (width, height), of which it is shown this [H,W]; without states.

    Those with at least the logit that `numbers` asks for, what others of their size add to it counted.
    """
    size = size_of(shown)
    least, weight = numbers["candidates"]["logit"], numbers["candidates"]["alike"]
    parts = [(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))]
    pixels = 0
    for tile in tiles(size, numbers["scale"]):
        part = printed(shown, tile)
        if part is None:
            continue
        x, y, w, h = part
        grid = network_input(shown[y : y + h, x : x + w])
        pixels += grid.size
        boxes, logit = decode(finder(grid), least - weight)
        boxes = boxes + np.array([x, y, x, y], np.float32)
        whole = within(tile, boxes, size)
        parts.append((boxes[whole], logit[whole]))
    boxes, logit = (np.concatenate(part) for part in zip(*parts, strict=True))
    kept = suppress(boxes, logit, numbers["nms_iou"], MOST)
    kept = kept[logit[kept] + weight * alike(logit[kept], boxes[kept]) >= least]
    ratio = np.array([page[0] / size[0], page[1] / size[1]] * 2, np.float32)
    none = np.zeros(len(kept), np.float32)
    found = Found(boxes[kept] * ratio, logit[kept], none, np.stack([logit[kept], none], 1), none, pixels)
    return on_page(found, page)


def by_itself(seen: Floats, calibration: dict[str, float]) -> Floats:
    """Logits [n] of being a checkbox, of those that finder and verifier gave [n,2], whatever else is on the page."""
    both = calibration["finder"] * seen[:, 0] + calibration["verifier"] * seen[:, 1]
    return np.asarray(both + calibration["offset"], np.float32)


def alike(logit: Floats, boxes: Floats) -> Floats:
    """How well the others on its page bear each box [n,4] out, 0 to 1: k / (k + 1) for k others of its size.

    Only those count that are likelier a checkbox than not by themselves, of `logit` [n] 0 or more.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)
    likely = logit >= 0
    known = np.sort(sides[likely])
    upto, below = np.searchsorted(known, sides * SAME_SIZE), np.searchsorted(known, sides / SAME_SIZE, side="right")
    others = (upto - below - likely).astype(np.float32)
    return np.asarray(others / (others + 1), np.float32)


def rescored(found: Found, calibration: dict[str, float]) -> Found:
    """What was found on one page, each box with the logit that it has among the others, the most confident first.

    The boxes of a form are of one size: a place is likelier a checkbox where others of its size are.  Context rescoring as of
    Felzenszwalb et al. 2010 (doi:10.1109/TPAMI.2009.167), of one feature.
    """
    logit = by_itself(found.seen, calibration)
    logit = logit + np.float32(calibration["alike"]) * alike(logit, found.boxes)
    return replace(found, logit=logit).pick(np.argsort(-logit, kind="stable"))


def verified(image: Grey, found: Found, verifier: Runner, numbers: dict[str, Any]) -> Found:
    """The candidates of a grey page [H,W] as the verifier sees them: what they are, and where their edges are."""
    shape, calibration = numbers["verifier"], numbers["calibration"]
    shown, where = squares(image, found.boxes, shape["size"], shape["side"])
    wide, _ = squares(image, found.boxes, shape["size"], shape["wide"])
    shown = np.concatenate([shown, wide], 1)
    out = np.zeros((len(shown), 6), np.float32)
    for i in range(0, len(shown), 64):
        out[i : i + 64] = verifier(ink(shown[i : i + 64, None])).reshape(-1, 6)
    low, high = (shape["size"] - shape["side"]) / 2, (shape["size"] + shape["side"]) / 2
    inside = out[:, 2:] * shape["side"] + np.array([low, low, high, high], np.float32)
    boxes = inside / where[:, 2:] + where[:, [0, 1, 0, 1]]
    seen = np.stack([found.logit, out[:, 0]], 1)
    state = out[:, 1] + np.float32(numbers["filled_bias"])
    seen_boxes = Found(
        boxes, by_itself(seen, calibration), state, seen, contrast(image, boxes), found.pixels, len(shown)
    )
    result = on_page(seen_boxes, size_of(image))
    return rescored(result.pick(suppress(result.boxes, result.logit, numbers["nms_iou"], MOST)), calibration)


def both(first: Found, second: Found, numbers: dict[str, Any]) -> Found:
    """What two readings of a page found, each box once; the work of both."""
    parts = {part: np.concatenate([getattr(first, part), getattr(second, part)]) for part in OF_EACH}
    found = Found(**parts, pixels=first.pixels + second.pixels, checked=first.checked + second.checked)
    return rescored(found.pick(suppress(found.boxes, found.logit, numbers["nms_iou"], MOST)), numbers["calibration"])


def contrast(page: Grey, boxes: Floats) -> Floats:
    """The range of grey [n], 0 to 255, where each box [n,4] of a page [H,W] lies, and a seventh of its longer side around it, but for
    one in a hundred pixels at either end.
    """
    around = np.float32(0.15) * (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)[:, None]
    first = np.maximum(boxes[:, :2] - around, 0).astype(int)
    end = np.ceil(boxes[:, 2:] + around).clip(0, size_of(page)).astype(int)
    out = np.zeros(len(boxes), np.float32)
    for i, ((x1, y1), (x2, y2)) in enumerate(zip(first, end, strict=True)):
        there = page[y1:y2, x1:x2]
        if there.size:
            low, high = grey_range(there, 0.01)
            out[i] = max(0, high - low)
    return out


def of_this_side(found: Found, numbers: dict[str, Any]) -> Found:
    """What does not merely shine through from the back of the paper: what has at least `faint` times the contrast of each box of its
    size and state that is likelier one than not by itself.

    A pale box alone may be one; beside one that is several times as dark it is not of this side.
    """
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(1, initial=0)
    likely = by_itself(found.seen, numbers["calibration"]) >= 0
    pale = np.zeros(len(sides), bool)
    for i in np.flatnonzero(likely):
        same = (np.maximum(sides, sides[i]) < SAME_SIZE * np.minimum(sides, sides[i])) & (
            (found.state > 0) == (found.state[i] > 0)
        )
        pale |= same & (found.contrast < numbers["faint"] * found.contrast[i])
    return found.pick(~pale)


def any_small(found: Found, below: float) -> bool:
    """Whether the longer side of any of them is less than `below`, pixels of the page."""
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    return bool((sides.max(1, initial=0) < below).any())


def worth_a_closer_look(found: Found, reduced: float, numbers: dict[str, Any]) -> bool:
    """Whether a page read `reduced` times smaller than it is may hold boxes too small to be found: it shows small ones, or none."""
    closer = numbers["closer"]
    # By themselves: on a page on which most are too small to be found there is little to bear the others out.
    likely = found.pick(by_itself(found.seen, numbers["calibration"]) >= closer["logit"])
    return any_small(likely, closer["below"] * reduced) or (not len(likely.boxes) and reduced >= closer["none"])


def ways(level: Grey, upright: dict[str, Any]) -> list[Turn]:
    """The ways to read a page that is shown at its working size [H,W]: as it is, and as its lines may run."""
    width, height = size_of(level)
    return turns(lean(resized(level, (max(1, width // 2), max(1, height // 2)))), upright)


def first_look(image: Grey, run: Networks, numbers: dict[str, Any]) -> tuple[Turn, Grey, Found]:
    """How to turn a grey page [H,W] for its lines to run level and upright, the page turned, and what is seen on it at first.

    If it may lie on its side or slant, it is read in each way, and the one in which most is found is right.
    """
    scale = numbers["scale"]
    level = resized(image, working_size(*size_of(image), scale))
    looks: list[tuple[Turn, Grey, Found]] = []
    for turn in ways(level, numbers["upright"]):
        page = turned(image, turn)
        shown = level if turn == Turn(0, 0.0) else resized(page, working_size(*size_of(page), scale))
        found = candidates(shown, size_of(page), run.finder, numbers)
        looks.append((turn, page, verified(page, found, run.verifier, numbers)))

    def sure(look: tuple[Turn, Grey, Found]) -> float:
        """The sum of the logits, not the number of boxes: upside down most are found too, less surely.

        By themselves: what is taken for boxes in a row that stands on end bears one another out.
        """
        return float(by_itself(look[2].above(numbers["conf"]).seen, numbers["calibration"]).sum())

    turn, page, found = max(looks, key=sure)  # of those alike the first
    work = {part: sum(getattr(look[2], part) for look in looks) for part in ("pixels", "checked")}
    return turn, page, replace(found, **work)


def detect(image: Grey, run: Networks, numbers: dict[str, Any], conf: float | None = None) -> Found:
    """Checkboxes of a grey page [H,W] of at least `conf` (default: the one in `numbers`, which is checkbox.json's).

    The finder loses boxes that are too small where it sees them. A page that may hold such boxes is read again, closer, as long as
    it may (worth_a_closer_look). What would be reported already is not looked at again.
    """
    image = stretched(image, numbers["contrast"])
    turn, page, found = first_look(image, run, numbers)
    width, height = size_of(page)
    size = working_size(width, height, numbers["scale"])
    while worth_a_closer_look(found, width / size[0], numbers):
        larger = closer_size(width, height, size, numbers["closer"])
        if larger is None:
            break
        size = larger
        more = candidates(resized(page, size), (width, height), run.finder, numbers)
        again = np.asarray(same_box(more.boxes, found.above(numbers["conf"]).boxes, numbers["nms_iou"]).any(1))
        more = more.pick(~again)
        found = both(found, verified(page, more, run.verifier, numbers), numbers)
    found = of_this_side(found, numbers).above(numbers["conf"] if conf is None else conf)
    return on_page(replace(found, boxes=back(found.boxes, turn, *size_of(image))), size_of(image))


def read_grey(path: Path) -> Grey:
    """A picture file upright (EXIF) and in grey."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("L"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the checkboxes on a picture.")
    parser.add_argument("picture", type=Path)
    parser.add_argument(
        "--networks", type=Path, default=HERE, help="folder of finder.onnx, verifier.onnx, checkbox.json"
    )
    parser.add_argument("--conf", type=float)
    args = parser.parse_args()
    numbers = settings(args.networks / "checkbox.json")
    found = detect(read_grey(args.picture), networks(args.networks), numbers, args.conf)
    for box, confidence, state in zip(found.boxes, found.confidence, found.state, strict=True):
        name = "filled" if state > 0 else "empty"
        print(f"{name} {confidence:.3f} {' '.join(f'{v:.1f}' for v in box)}")
    print(f"{(found.state <= 0).sum()} empty, {(found.state > 0).sum()} filled")


if __name__ == "__main__":
    main()
