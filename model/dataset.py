"""Training crops and their targets, from the pages that `model.draw` writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import IterableDataset

from model.canvas import BOX_KINDS
from model.fonts import book
from model.net import STRIDE
from model.page import EMPTY, FILLED, IGNORE, Page, pages_in
from model.restyle import restyle

Rng = np.random.Generator
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

CROP = 384  # pixels; must be a multiple of 32
MIN_SIDE = 6.0  # px at the network's scale: smaller boxes cannot be judged and are ignored
VISIBLE = 2 / 3  # share of a box that must lie in the crop for it to be a box
REFRESH = 60.0  # seconds between looks for new pages

HARD_SHARE = 0.2  # of the crops that show a place the network got wrong, where such places are known

ANEW_SHARE = 0.2  # of the crops, with other boxes in the places of the empty ones
# On light ground what has no outline is as often a swatch.
ANEW_KINDS = [kind for kind in BOX_KINDS if kind != "none"]
OFTEN = {"thick": 4, "double": 2}  # times as often as others: empty ones of these kinds were called filled
ANEW_WEIGHTS = np.array([OFTEN.get(kind, 1) for kind in ANEW_KINDS], float)
ANEW_WEIGHTS /= ANEW_WEIGHTS.sum()
ANEW_MARKED = 0.4  # of these boxes, with a printed mark
EDGE = 3  # px from the crop's edge in which a box is left as it is

BLANK = 8.0  # grey levels; a crop that varies less holds nothing

# Positives: cells whose centre is this near the box's centre (the larger of the two); ignored: up to RING times as far.
NEAR_SHARE, NEAR_PX, RING = 0.13, 2.9, 1.8


class Pages:
    """The pages in one folder, memory-mapped; new ones are noticed once a minute."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self.hard: list[str] = []  # those with places that the network got wrong (see model.mine)
        self._looked = -REFRESH
        self.refresh()

    def refresh(self) -> None:
        if time.monotonic() - self._looked >= REFRESH:
            self._looked = time.monotonic()
            self.names = [p.stem for p in pages_in(self.folder)]
            self.hard = sorted(p.name.removesuffix(".hard.npy") for p in self.folder.glob("*.hard.npy"))

    def pick(self, rng: Rng, hard_share: float) -> tuple[Grey, Floats, Floats | None]:
        """A random page: picture [H,W] (mapped, not read), boxes [n,5], and for `hard_share` of them its hard places."""
        while True:
            hard = bool(self.hard) and rng.random() < hard_share
            name = self.hard[rng.integers(len(self.hard))] if hard else self.names[rng.integers(len(self.names))]
            try:
                return (
                    np.load(self.folder / f"{name}.npy", mmap_mode="r"),
                    np.load(self.folder / f"{name}.boxes.npy"),
                    np.load(self.folder / f"{name}.hard.npy") if hard else None,
                )
            except FileNotFoundError:  # replaced by a new page since the folder was listed
                continue


def cut(image: Grey, boxes: Floats, rng: Rng, crop: int = CROP, around: Floats | None = None) -> tuple[Grey, Floats]:
    """A random square of the page at a random scale, [crop,crop], and its boxes [n,5] (state IGNORE where cut too much).

    Six crops of ten lie around a box picked at random, so that sparse pages show theirs as well; with `around` [m,2] the
    crop lies around one of those places.  Outside the page is paper (255), as the pipeline pads.
    """
    height, width = image.shape
    # Training pages are stored at `draw.STORED` times a long side of 1280, 1504 in the middle; the crops show them as if that were
    # 830 to 1730, now and then 680 to 2480: both sizes at which the pipeline reads pages lie within (`checkbox.json`).
    scale = float(rng.uniform(0.55, 1.15) if rng.random() < 0.85 else np.exp(rng.uniform(np.log(0.45), np.log(1.65))))
    side = crop / scale
    if around is None and len(boxes) and rng.random() < 0.6:
        around = ((boxes[:, :2] + boxes[:, 2:4]) / 2).astype(np.float32)
    if around is not None and len(around):
        place = around[rng.integers(len(around))]
        x = place[0] - side * rng.uniform(0.05, 0.95)
        y = place[1] - side * rng.uniform(0.05, 0.95)
    else:
        x = rng.uniform(-0.1 * side, max(width - 0.9 * side, 0.0))
        y = rng.uniform(-0.1 * side, max(height - 0.9 * side, 0.0))
    x0, y0 = max(0, int(x)), max(0, int(y))
    x1, y1 = min(width, int(x + side) + 2), min(height, int(y + side) + 2)
    if x1 - x0 < 8 or y1 - y0 < 8:
        x0, y0, x1, y1 = 0, 0, min(width, int(side)), min(height, int(side))
        x, y = 0.0, 0.0
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    if scale < 0.8:  # shrinking by more than a little needs a filter that averages
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        shift = np.array([[1, 0, (x0 - x) * scale], [0, 1, (y0 - y) * scale]], np.float32)
    else:
        # Pixel centres are at +0.5, hence the half pixels.
        dx, dy = (x0 - x + 0.5) * scale - 0.5, (y0 - y + 0.5) * scale - 0.5
        shift = np.array([[scale, 0, dx], [0, scale, dy]], np.float32)
    out = cv2.warpAffine(
        part, shift, (crop, crop), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,)
    )
    moved = boxes.copy()
    moved[:, [0, 2]] = (boxes[:, [0, 2]] - x) * scale
    moved[:, [1, 3]] = (boxes[:, [1, 3]] - y) * scale
    return np.asarray(out, np.uint8), clip(moved, crop, crop)


def clip(boxes: Floats, width: int, height: int) -> Floats:
    """Boxes [n,5] cut at the picture's edge; those outside dropped, those too small or showing too little ignored."""
    whole = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    inside = boxes.copy()
    inside[:, [0, 2]] = inside[:, [0, 2]].clip(0, width)
    inside[:, [1, 3]] = inside[:, [1, 3]].clip(0, height)
    w, h = inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1]
    inside[(w * h < VISIBLE * whole) | (np.minimum(w, h) < MIN_SIDE), 4] = IGNORE
    return inside[(w > 0.5) & (h > 0.5)]


def anew(crop: Grey, boxes: Floats, rng: Rng) -> tuple[Grey, Floats]:
    """A crop [H,W] whose empty boxes are others, all in one style of the generator's, some of them marked; and its boxes [n,5] then.

    So that each style comes in real places, too.  (Plain boxes with a double outline, or one a quarter as thick as they are, were called
    filled, or not found.)  What the crop's edge cuts or touches stays as it is.
    """
    height, width = crop.shape
    inside = (boxes[:, :2] > EDGE).all(1) & (boxes[:, 2:4] < [width - EDGE, height - EDGE]).all(1)
    open_to = (boxes[:, 4] == EMPTY) & inside
    page = Page(crop.copy(), boxes[:, :4], np.where(open_to, EMPTY, IGNORE).astype(np.int8))
    kind = str(rng.choice(ANEW_KINDS, p=ANEW_WEIGHTS))
    page = restyle(page, rng.random(len(boxes)) < ANEW_MARKED, rng, book(0), kind)
    drawn = np.column_stack([page.boxes, page.states]).astype(np.float32)
    return page.image, np.where(open_to[:, None], drawn, boxes)


def spoil(image: Grey, rng: Rng, *, invertible: bool = True) -> Grey:
    """Cheap changes on top of those the page was drawn with: contrast, gamma, inversion (where it may be), blur, noise, JPEG."""
    table = np.arange(256, dtype=np.float32) / 255
    if rng.random() < 0.5:
        table = table ** np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.5:
        low, high = rng.uniform(0, 0.35), rng.uniform(0.75, 1.05)
        table = low + (high - low) * table
    if rng.random() < 0.2 and invertible:
        table = 1 - table
    image = cv2.LUT(image, (table * 255).clip(0, 255).astype(np.uint8)).astype(np.uint8)
    if rng.random() < 0.25:
        if rng.random() < 0.6:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.1))).astype(np.uint8)
        else:
            soft = cv2.GaussianBlur(image, (0, 0), 1.0)
            image = cv2.addWeighted(image, 1.6, soft, -0.6, 0).astype(np.uint8)
    if rng.random() < 0.25:
        noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 14))
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1]
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


@dataclass
class Targets:
    """What the network should say at each cell of the final map; all [h,w] but box.

    weight: 1 where objectness counts, 0 where ignored.  positive: cell belongs to a box.  filled: its state.
    box [4,h,w]: its edges x1, y1, x2, y2 in pixels of the crop.
    """

    weight: Floats
    positive: Floats
    filled: Floats
    box: Floats


def assign(boxes: Floats, height: int, width: int) -> Targets:
    """Targets for a crop of height x width pixels with boxes [n,5]."""
    h, w = height // STRIDE, width // STRIDE
    out = Targets(
        np.ones((h, w), np.float32),
        np.zeros((h, w), np.float32),
        np.zeros((h, w), np.float32),
        np.zeros((4, h, w), np.float32),
    )
    near = np.full((h, w), np.inf, np.float32)
    xs = (np.arange(w, dtype=np.float32) + 0.5) * STRIDE
    ys = (np.arange(h, dtype=np.float32) + 0.5) * STRIDE
    # Ignored places first, so that a box inside one still counts.
    for x1, y1, x2, y2, state in sorted(boxes.tolist(), key=lambda b: b[4] != IGNORE):
        if state == IGNORE:
            # One cell more all around: the outline's own surroundings are in doubt as well.
            inside = (xs > x1 - STRIDE) & (xs < x2 + STRIDE), (ys > y1 - STRIDE) & (ys < y2 + STRIDE)
            out.weight[np.ix_(inside[1], inside[0])] = 0
            continue
        radius = max(NEAR_SHARE * min(x2 - x1, y2 - y1), NEAR_PX)
        distance = np.hypot((xs - (x1 + x2) / 2)[None, :], (ys - (y1 + y2) / 2)[:, None])
        out.weight[(distance < RING * radius) & (out.positive == 0)] = 0
        mine = (distance < radius) & (distance < near)
        near[mine] = distance[mine]
        out.weight[mine] = 1
        out.positive[mine] = 1
        out.filled[mine] = state == FILLED
        out.box[:, mine] = np.array([x1, y1, x2, y2], np.float32)[:, None]
    return out


class Crops(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Endless batches: image [N,1,crop,crop] uint8 (255 paper) and targets [N,7,h,w] float32 in the order of Targets.

    Each crop comes from one of the folders, picked by the weights given.
    """

    def __init__(self, folders: dict[Path, float], batch: int, seed: int, crop: int = CROP) -> None:
        self.folders, self.batch, self.seed, self.crop = folders, batch, seed, crop

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        cv2.setNumThreads(1)
        pages = {path: Pages(path) for path in self.folders}
        while True:
            images, targets = [], []
            for kept in pages.values():
                kept.refresh()
            usable = [p for p, kept in pages.items() if kept.names]
            if not usable:
                raise FileNotFoundError(f"no pages in {', '.join(str(p) for p in self.folders)}: run model.draw first")
            weights = np.array([self.folders[p] for p in usable])
            for _ in range(self.batch):
                kept = pages[usable[rng.choice(len(usable), p=weights / weights.sum())]]
                image, boxes, around = kept.pick(rng, HARD_SHARE)
                crop, inside = cut(image, boxes, rng, self.crop, around)
                if not len(inside) and crop.std() < BLANK:  # nothing to learn from bare paper: one more try
                    crop, inside = cut(image, boxes, rng, self.crop)
                if rng.random() < ANEW_SHARE:
                    crop, inside = anew(crop, inside, rng)
                t = assign(inside, self.crop, self.crop)
                images.append(spoil(crop, rng))
                targets.append(np.concatenate([np.stack([t.weight, t.positive, t.filled]), t.box]))
            yield torch.from_numpy(np.stack(images))[:, None], torch.from_numpy(np.stack(targets))
