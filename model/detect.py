"""The whole path from a picture to checkboxes in numpy: the reference that the shipped module is compared with.

    python -m model.detect page.png [--conf 0.5]

Looks, scaling, tiles, decoding and suppression follow the numbers in checkbox.json, whose keys are documented in README.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model.net import LOG_MAX, LOG_MIN, MULTIPLE, STRIDE

HERE = Path(__file__).parent
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]
Runner = Callable[[Floats], Floats]  # [1,1,H,W] -> [1,24,H/8,W/8]

MAX_INSIDE = (
    0.7  # a box with more than this share of its area inside a better one is part of it (double border, shadow)
)
SEAM = 16.0  # px: a box ending this close to a seam between tiles is cut or seen without what is around it; another tile has it whole
MOST = 5000  # boxes a page


@dataclass
class Found:
    """Boxes of a page, the most confident first.

    boxes [n,4] x1, y1, x2, y2 in pixels of the picture; logit [n] calibrated; confidence [n], its sigmoid;
    state [n]: logit of "filled", bias included.  pixels: how many the network read for that, padding included.
    """

    boxes: Floats
    confidence: Floats
    logit: Floats
    state: Floats
    pixels: int = 0

    def above(self, conf: float) -> Found:
        keep = self.confidence >= conf
        return Found(self.boxes[keep], self.confidence[keep], self.logit[keep], self.state[keep], self.pixels)


def onnx_runner(network: Path | bytes, threads: int = 1) -> Runner:
    """The exported network, a file or its content, in ONNX Runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return lambda x: np.asarray(session.run(None, {"image": x})[0], np.float32)


def settings(path: Path = HERE / "checkbox.json") -> dict[str, Any]:
    """What the export wrote beside the network."""
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def working_size(width: int, height: int, long_side: int, scale: dict[str, Any]) -> tuple[int, int]:
    """Width and height at which a page is read: its long side at `long_side`, at most `max_enlargement` times enlarged.

    A page longer than `max_aspect` times its short side counts as several pages, so that its boxes do not vanish.
    """
    page_side = min(max(width, height), min(width, height) * scale["max_aspect"])
    factor = min(long_side / page_side, scale["max_enlargement"])
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


def whole_page(size: tuple[int, int], long_side: int, overlap: int) -> list[Tile]:
    """A page of `size` (width, height) in tiles of at most `long_side`, row by row; an ordinary page is one."""
    return [
        Tile(x, y, w, h) for y, h in spans(size[1], long_side, overlap) for x, w in spans(size[0], long_side, overlap)
    ]


def windows(boxes: Floats, size: tuple[int, int], side: int, margin: int) -> list[Tile]:
    """Square tiles of `side` that show each of the boxes [n,4] with `margin` pixels around it, as far as the page goes.

    One after the other around as many as it can hold, from the topmost on and from left to right; for a box too large, a larger one.
    """
    rest = np.concatenate([np.floor(boxes[:, :2]) - margin, np.ceil(boxes[:, 2:]) + margin], 1).astype(np.int64)
    tiles: list[Tile] = []
    while len(rest):
        first = rest[:, 1].argmin()
        row = rest[:, 3] <= rest[first, 1] + side
        row[first] = True
        first = np.where(row, rest[:, 0], np.iinfo(np.int64).max).argmin()
        held = row & (rest[:, 2] <= rest[first, 0] + side)
        held[first] = True
        x, w = centred(int(rest[held, 0].min()), int(rest[held, 2].max()), side, size[0])
        y, h = centred(int(rest[held, 1].min()), int(rest[held, 3].max()), side, size[1])
        tiles.append(Tile(x, y, w, h))
        rest = rest[~held]
    return tiles


def centred(low: int, high: int, side: int, length: int) -> tuple[int, int]:
    """Start and size of a span of at least `side` around `low` to `high`, as far as 0 to `length` goes.

    It starts at a multiple of MULTIPLE: the network's answers depend a little on where its cells lie on a box, and so they
    lie there as they do when it reads the whole page.
    """
    size = max(side, high - low)
    start = max((low + high - size) // 2, 0) // MULTIPLE * MULTIPLE
    last = -(-max(length - size, 0) // MULTIPLE) * MULTIPLE
    start = min(start, last)
    return start, min(size, length - start)


def within(tile: Tile, boxes: Floats, inset: float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of the boxes [n,4] keep `inset` pixels from those of the tile's edges beyond which the page goes on."""
    right, below = tile.x + tile.width, tile.y + tile.height
    return np.asarray(
        ((boxes[:, 0] >= tile.x + inset) | (tile.x == 0))
        & ((boxes[:, 1] >= tile.y + inset) | (tile.y == 0))
        & ((boxes[:, 2] <= right - inset) | (right == size[0]))
        & ((boxes[:, 3] <= below - inset) | (below == size[1]))
    )


def network_input(tile: Grey) -> Floats:
    """Grey [h,w] to [1,1,H,W]: ink 1, paper 0, padded with paper to multiples of 32 at the right and below."""
    h, w = tile.shape
    out = np.zeros((1, 1, -(-h // MULTIPLE) * MULTIPLE, -(-w // MULTIPLE) * MULTIPLE), np.float32)
    out[0, 0, :h, :w] = 1 - tile.astype(np.float32) / 255
    return out


def decode(output: Floats, floor: float) -> Found:
    """All cells with a logit of at least `floor`; output [1,24,h,w], boxes in pixels of the network's input."""
    _, c, h, w = output.shape
    cells = output.reshape(c // 4, 2, 2, h, w).transpose(0, 3, 1, 4, 2).reshape(c // 4, 2 * h, 2 * w)
    y, x = np.nonzero(cells[0] >= floor)
    logit, state = cells[0, y, x], cells[1, y, x]
    left, top, right, bottom = STRIDE * np.exp(cells[2:6, y, x].clip(LOG_MIN, LOG_MAX))
    cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
    boxes = np.stack([cx - left, cy - top, cx + right, cy + bottom], 1).astype(np.float32)
    return Found(boxes, np.zeros(len(x), np.float32), logit, state)


def suppress(boxes: Floats, score: Floats, iou: float) -> NDArray[np.intp]:
    """Indices that survive, best first: a box goes if a better one overlaps it by `iou` or holds MAX_INSIDE of it."""
    order = np.argsort(-score, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while len(order) and len(kept) < MOST:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        w = np.minimum(boxes[best, 2], boxes[rest, 2]) - np.maximum(boxes[best, 0], boxes[rest, 0])
        h = np.minimum(boxes[best, 3], boxes[rest, 3]) - np.maximum(boxes[best, 1], boxes[rest, 1])
        shared = w.clip(0) * h.clip(0)
        same = (shared > iou * (area[best] + area[rest] - shared)) | (
            shared > MAX_INSIDE * np.minimum(area[best], area[rest])
        )
        order = rest[~same]
    return np.array(kept, np.intp)


def iou(a: Floats, b: Floats) -> Floats:
    """IoU of each of [n,4] with each of [m,4]."""
    w = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    h = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    both = w.clip(0) * h.clip(0)
    area_a, area_b = ((x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b))
    return np.asarray(both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-6), np.float32)


def in_doubt(found: Found, doubt: dict[str, Any]) -> NDArray[np.bool_]:
    """Which boxes a further look must decide."""
    return (found.confidence > doubt["from"]) & (found.confidence < doubt["to"])


def carried(found: Found, before: Found, numbers: dict[str, Any]) -> Found:
    """What a look found, with a share of what the look before it saw in the logits of each box: two sizes err differently.

    Where that one saw no box, it counts as the least confidence in doubt. Boxes below that remain as they are.
    """
    doubt = numbers["doubt"]
    least = np.log(doubt["from"] / (1 - doubt["from"]))
    seen = before.above(doubt["from"])
    earlier, state = np.full(len(found.boxes), least, np.float32), found.state.copy()
    if len(found.boxes) and len(seen.boxes):
        overlap = iou(found.boxes, seen.boxes)
        same = overlap.argmax(1)
        hit = overlap.max(1) > numbers["nms_iou"]
        earlier[hit], state[hit] = seen.logit[same[hit]], seen.state[same[hit]]
    share = np.where(found.confidence < doubt["from"], 0, doubt["carried"]).astype(np.float32)
    logit = ((1 - share) * found.logit + share * earlier).astype(np.float32)
    state = ((1 - share) * found.state + share * state).astype(np.float32)
    confidence = (1 / (1 + np.exp(-logit))).astype(np.float32)
    order = np.argsort(-logit, kind="stable")
    return Found(found.boxes[order], confidence[order], logit[order], state[order], found.pixels)


def look(
    image: Grey, size: tuple[int, int], run: Runner, numbers: dict[str, Any], which: int, conf: float, tiles: list[Tile]
) -> Found:
    """What one look at `tiles` of a grey page [H,W] scaled to `size` (width, height) sees with at least the confidence `conf`."""
    calibration = numbers["looks"][which]["calibration"]
    height, width = image.shape
    page = (
        image if size == (width, height) else np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    )
    floor = (np.log(conf / (1 - conf)) - calibration["b"]) / calibration["a"]
    parts: list[Found] = []
    pixels = 0
    for tile in tiles:
        x, y, w, h = tile
        shown = network_input(page[y : y + h, x : x + w])
        pixels += shown.size
        part = decode(run(shown), floor)
        boxes = part.boxes + np.array([x, y, x, y], np.float32)
        whole = within(tile, boxes, SEAM, size)
        parts.append(Found(boxes[whole], part.confidence[whole], part.logit[whole], part.state[whole]))
    boxes, logit, state = (np.concatenate([getattr(p, n) for p in parts]) for n in ("boxes", "logit", "state"))
    kept = suppress(boxes, logit, numbers["nms_iou"])
    ratio = np.array([width / size[0], height / size[1]] * 2, np.float32)
    boxes = (boxes[kept] * ratio).clip(0, np.array([width, height] * 2, np.float32))
    calibrated = (calibration["a"] * logit[kept] + calibration["b"]).astype(np.float32)
    state = state[kept] + np.float32(numbers["filled_bias"])
    return Found(boxes, 1 / (1 + np.exp(-calibrated)), calibrated, state, pixels)


def again(
    image: Grey, found: Found, size: tuple[int, int], run: Runner, numbers: dict[str, Any], which: int, conf: float
) -> Found:
    """What was found on a page, after a further look at the places of it that are in doubt."""
    doubt = numbers["doubt"]
    height, width = image.shape
    scaled = found.boxes * np.array([size[0] / width, size[1] / height] * 2, np.float32)
    unsure = in_doubt(found, doubt)
    tiles = windows(scaled[unsure], size, doubt["window"], doubt["margin"])
    if sum(tile.width * tile.height for tile in tiles) >= size[0] * size[1]:
        tiles = whole_page(size, numbers["looks"][which]["long_side"], numbers["scale"]["overlap"])
    now = carried(look(image, size, run, numbers, which, conf, tiles), found, numbers)
    answered = np.zeros(len(scaled), bool)
    for tile in tiles:
        answered |= within(tile, scaled, 2 * SEAM, size)
    boxes, confidence, logit, state = (
        np.concatenate([getattr(now, name), getattr(found, name)[~answered]])
        for name in ("boxes", "confidence", "logit", "state")
    )
    kept = suppress(boxes, logit, numbers["nms_iou"])
    return Found(boxes[kept], confidence[kept], logit[kept], state[kept], found.pixels + now.pixels)


def detect(
    image: Grey, run: Runner, numbers: dict[str, Any], conf: float | None = None, only: int | None = None
) -> Found:
    """Checkboxes of a grey page [H,W] of at least `conf` (default: the one in `numbers`, which is checkbox.json's).

    The first of the looks is a quick one at the whole page. Where it leaves a box in doubt, the next reads that place larger.
    only: take just this one of the looks, at the whole page, to fit its calibration.
    """
    conf = numbers["conf"] if conf is None else conf
    height, width = image.shape
    looks, overlap = numbers["looks"], numbers["scale"]["overlap"]
    sizes = [working_size(width, height, one["long_side"], numbers["scale"]) for one in looks]
    if only is not None:
        tiles = whole_page(sizes[only], looks[only]["long_side"], overlap)
        return look(image, sizes[only], run, numbers, only, conf, tiles)
    doubt = numbers["doubt"]
    floor = min(conf, doubt["from"])
    tiles = whole_page(sizes[0], looks[0]["long_side"], overlap)
    found = look(image, sizes[0], run, numbers, 0, floor, tiles)
    for which, size in enumerate(sizes[1:], 1):
        if size == sizes[which - 1]:  # a small picture, enlarged no further
            break
        if not in_doubt(found, doubt).any():
            break
        found = again(image, found, size, run, numbers, which, floor)
    return found.above(conf)


def read_grey(path: Path) -> Grey:
    """A picture file upright (EXIF) and in grey."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("L"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Find the checkboxes on a picture.")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--network", type=Path, default=HERE / "checkbox.onnx")
    parser.add_argument("--conf", type=float)
    args = parser.parse_args()
    found = detect(
        read_grey(args.picture), onnx_runner(args.network), settings(args.network.with_suffix(".json")), args.conf
    )
    for box, confidence, state in zip(found.boxes, found.confidence, found.state, strict=True):
        name = "filled" if state > 0 else "empty"
        print(f"{name} {confidence:.3f} {' '.join(f'{v:.1f}' for v in box)}")
    print(f"{(found.state <= 0).sum()} empty, {(found.state > 0).sum()} filled")


if __name__ == "__main__":
    main()
