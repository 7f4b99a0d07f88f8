"""Trains the verifier on what `model.candidates` cut out of the training pages, for a given number of minutes.

    python -m model.train_verifier --minutes 70 --out model/work/verifier

The state is saved to OUT/last.pt; started again with the same --out it goes on from there (see model.fit).  With
--start-from model/verifier.onnx a new training begins from the weights that were exported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from model import checkpoint
from model.candidates import CUT, LABELS, NONE, SIDE, WIDE_CUT
from model.canvas import Canvas, round_cover
from model.dataset import REFRESH, Floats, Grey, Rng, anew, spoil
from model.fit import fit, options
from model.fonts import Face, book
from model.marks import draw_mark, draw_stray
from model.page import EMPTY, FILLED
from model.train import giou
from model.verifier import BOX, CHANNELS, SIZE, WIDE, Verifier, edges

Views = tuple[Grey, Grey]  # close and wide

HERE = Path(__file__).parent
# Share of the crops from each folder of pages.  Those that are not there (yet) are passed over, the others keep their proportions.
MIX = {
    "corpus": 0.3,
    "drawn": 0.2,
    "browser": 0.14,
    "screens": 0.08,
    "screenshots": 0.26,
    "demos": 0.08,
    "planted": 0.14,
    "negatives": 0.08,
}
OTHER = 0.1  # share of any other folder
ALONE_SHARE = 0.12  # of the crops, shown with nothing around them
BLIND_SHARE = 0.1  # of the crops, of which the wide view shows nothing: the close one must do by itself, too
EDGE_SHARE = 0.1  # of the boxes, cut by the edge of the page, beyond which is paper; half as often what is none (with as many, the
# boxes that an edge cuts stayed unsure)
EDGE_MOST = 1 / 3  # share of a box that the edge cuts off at most: one that shows less need not be found
LOOSE_SHARE = 0.1  # of the crops, shown as by a finder that hardly found the box
LOOSE = 2.0  # so many times as far from its place (0.22.0 gave white boxes on screens, found with an IoU below 0.65, 2.4 less there than in their own place)
NONE_SHARE = 0.45  # of the crops, beside those of negatives
EMPTY_SHARE = 0.6  # of the rest; with those that are marked here about half are filled
ANEW_SHARE = 0.25  # of the empty boxes, drawn anew
MARK_SHARE = 0.28  # of the empty boxes on light ground, marked here, so that no two marks are seen twice
LONG_SHARE = 0.3  # of these marks, ticks longer than the box, whose stroke may only graze it
STRAY_SHARE = 0.08  # of the empty boxes, only crossed by a stroke, or beside one that is marked (with 0.12 ticks that graze were called empty)
PEN_SHARE = 0.06  # of what is no box, marked as if it were one: a mark does not make a box
PRINT_SHARE = 0.3  # of the marks, printed or typed ones
DASHES = "-–—"
SIGNS = 3 * DASHES + "XXxV/*✓✔✗✘×●•"  # typed into a box; not a plus, which folds a tree
TYPED_FACES = 60
ARROW = (
    (0, 0),
    (0, 0.85),
    (0.2, 0.65),
    (0.35, 1),
    (0.47, 0.95),
    (0.33, 0.61),
    (0.6, 0.6),
)  # a mouse pointer, from its tip
TITLE_SHARE = 0.03  # of what is no box, the square that enlarges a window
LEFT_SHARE = 0.02  # of the empty boxes, made the sign of a link that leads elsewhere
LIT_SHARE = 0.08  # of the boxes on light ground that are still empty then, made white ones on a screen's darker ground, as browsers draw them where a page brings no style
LIT_MARKED = 0.4  # of these, ticked
COLOURED = 0.6  # of these grounds, those that are neither black nor nearly: bars, buttons and panels of one colour
GHOST_SHARE = 0.05  # of the boxes, on the back of the paper: what shines through is not to be counted
BEHIND_SHARE = 0.06  # of the crops, with something else on the back of the paper
GHOST_INK = (
    0.05,
    0.24,
)  # of the contrast it has on its own side; one that is paler is not seen, one that is darker may be a box
GHOST_BLUR = (0.03, 0.09)  # of the box's side: paper scatters light by a tenth or two of a millimetre
WOVEN_SHARE = 0.07  # of the crops, as on a screen that was photographed
WOVEN_DARK = (0.04, 0.42)  # of the light that the pattern takes, black on white
POINTED_SHARE = 0.05  # of the crops, as under a mouse pointer
PAPER = 190  # the median of a crop on light paper
LIGHT = 128  # the median of a crop on which a pen shows


def loss(out: Tensor, label: Tensor, box: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Loss and its parts for the network's output [N,6,1,1], labels [N] and boxes [N,4] in pixels of its input.

    Whether it is a box: cross-entropy.  Where it is one, its state: cross-entropy; its edges: 1 - GIoU.
    """
    out = out.float().flatten(1)
    is_box = (label != NONE).float()
    l_object = F.binary_cross_entropy_with_logits(out[:, 0], is_box)
    n = torch.nonzero(is_box)[:, 0]
    count = max(1, len(n))
    state = (label[n] == FILLED).float()
    l_state = F.binary_cross_entropy_with_logits(out[n, 1], state * 0.98 + 0.01, reduction="sum") / count
    iou, generalised = giou(edges(out[n]), box[n].T)
    l_box = (1 - generalised).sum() / count
    return l_object + 0.6 * l_state + 0.7 * l_box, {
        "object": float(l_object.detach()),
        "state": float(l_state.detach()),
        "iou": float(iou.detach().sum() / count),
        "wrong": float(((out[:, 0] > 0) != (is_box > 0)).float().mean()),
        "swapped": float(((out[n, 1] > 0) != (state > 0)).float().sum() / count),
    }


class Stock:
    """All that `model.candidates` has written into one folder, in memory; new files are noticed once a minute."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: set[Path] = set()
        self._files: dict[str, list[tuple[Grey, Grey, Floats, NDArray[np.int8]]]] = {}  # of each folder of pages
        self._places: dict[
            tuple[str, int], NDArray[np.intp]
        ] = {}  # by folder and label [n,2]: which file, which of its crops
        self._looked = -REFRESH
        self.refresh()

    def refresh(self) -> None:
        if time.monotonic() - self._looked < REFRESH:
            return
        self._looked = time.monotonic()
        new = sorted(set(self.folder.glob("*.npz")) - self._read)
        for path in new:
            with np.load(path) as data:
                name = path.stem.rsplit("-", 2)[0]
                self._files.setdefault(name, []).append((data["crops"], data["wide"], data["boxes"], data["label"]))
        self._read.update(new)
        if not self._files:
            raise FileNotFoundError(f"no candidates in {self.folder}: run model.candidates first")
        for name, files in self._files.items():
            for value in LABELS:
                those = [np.nonzero(label == value)[0] for _, _, _, label in files]
                which = np.repeat(np.arange(len(files)), [len(of_file) for of_file in those])
                self._places[name, value] = np.stack([which, np.concatenate(those)], 1)

    def pick(self, rng: Rng) -> tuple[Grey, Grey, Floats, int]:
        """A crop [CUT,CUT], what is around it [WIDE_CUT,WIDE_CUT], its box [4] and its label, at random in the proportions above."""
        names = list(self._files)
        share = np.array([MIX.get(name, OTHER) for name in names])
        while True:
            name = names[rng.choice(len(names), p=share / share.sum())]
            none = rng.random() < NONE_SHARE or name == "negatives"
            label = NONE if none else EMPTY if rng.random() < EMPTY_SHARE else FILLED
            those = self._places[name, label]
            if len(those):
                file, i = those[rng.integers(len(those))]
                crops, wide, boxes, _ = self._files[name][file]
                return crops[i], wide[i], boxes[i], label


class Candidates(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Endless batches: both views uint8 [N,1,2*SIZE,SIZE] (255 paper), label int8 [N], box float32 [N,4] in pixels of the close one."""

    def __init__(self, folder: Path, batch: int, seed: int) -> None:
        self.folder, self.batch, self.seed = folder, batch, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        info = get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        cv2.setNumThreads(1)
        stock = Stock(self.folder)
        while True:
            stock.refresh()
            crops, labels, boxes = [], [], []
            for _ in range(self.batch):
                stored, wide, box, label = stock.pick(rng)
                if label == EMPTY and rng.random() < ANEW_SHARE:
                    stored, (drawn,) = anew(stored, np.array([[*box, EMPTY]], np.float32), rng)
                    wide, box, label = inlaid(wide, stored), drawn[:4], int(drawn[4])
                if titled := label == NONE and rng.random() < TITLE_SHARE:
                    stored, wide = title_bar(rng)
                    box = np.zeros(4, np.float32)
                crop = left(stored, box, rng) if label == EMPTY and rng.random() < LEFT_SHARE else stored
                if crop is not stored:
                    box, label = np.zeros(4, np.float32), NONE
                else:
                    crop, label = marked(stored, box, label, rng)
                empty = crop is stored and label == EMPTY
                on_dark = empty and rng.random() < LIT_SHARE and np.median(crop) >= PAPER
                if on_dark:
                    ground, ink = colours(rng)
                    crop, label = lit(coloured(crop, ground, ink), box, rng)
                    wide = coloured(wide, ground, ink)
                crop = pointed(crop, rng)
                if crop is not stored:
                    wide = inlaid(wide, crop)
                invertible = not on_dark and not solid(crop, box)
                if (chance := rng.random()) < BEHIND_SHARE:
                    crop, wide = through((crop, wide), aside(stock.pick(rng)[:2], rng), rng)
                elif label != NONE and chance > 1 - GHOST_SHARE:
                    front = aside(stock.pick(rng)[:2], rng)
                    sheet = through(front, (crop, wide), rng)
                    if sheet is not front and blank_middle(front[0]):
                        (crop, wide), box, label = sheet, np.zeros(4, np.float32), NONE
                views, box = seen(crop, wide, box, rng, bare=not titled, invertible=invertible)
                crops.append(views)
                labels.append(label)
                boxes.append(box)
            yield (
                torch.from_numpy(np.stack(crops))[:, None],
                torch.tensor(labels, dtype=torch.int8),
                torch.from_numpy(np.stack(boxes)),
            )


def marked(crop: Grey, box: Floats, label: int, rng: Rng) -> tuple[Grey, int]:
    """A stored crop [CUT,CUT] with a box [4], and its label, after somebody had a pen: now and then an empty box is marked, and is
    filled then, or crossed by a stray stroke, or lies beside one that is marked, and is still empty.  What is no box stays none.
    """
    chance = rng.random()
    share = {NONE: PEN_SHARE, EMPTY: MARK_SHARE + STRAY_SHARE, FILLED: 0.0}[label]
    if chance >= share or np.median(crop) < LIGHT:
        return crop, label
    crop = crop.copy()
    if label == NONE:
        middle, half = CUT / 2 + rng.normal(0, 0.1, 2) * SIDE, SIDE * rng.uniform(0.35, 0.55)
        draw_mark(crop, np.array([*(middle - half), *(middle + half)], np.float32), rng)
    elif chance < STRAY_SHARE:
        if rng.random() < 0.6:
            draw_stray(crop, box, rng)
        else:
            apart = rng.uniform(1.2, 2.6)  # box sides from the middle of one to that of the other
            toward = np.array(((0, 1), (0, -1), (1, 0), (-1, 0))[rng.integers(4)])
            beside = box + np.tile(toward * (box[2:] - box[:2]) * apart, 2).astype(np.float32)
            draw_mark(crop, beside, rng, room=1.6 * apart - 0.8)
    else:
        label = FILLED
        if rng.random() < PRINT_SHARE:
            print_mark(crop, box, rng)
        else:
            kind = "long_tick" if rng.random() < LONG_SHARE else None
            draw_mark(crop, box, rng, kind=kind, room=rng.uniform(1, 5))
    return crop, label


def left(crop: Grey, box: Floats, rng: Rng) -> Grey:
    """A stored crop [CUT,CUT] whose empty box [4] became the sign of a link that leads elsewhere, which is no checkbox: its upper
    right corner is open, and an arrow leaves by it.  A long tick also starts in a box and ends beyond; the corner tells them apart.
    A box that is not plainly outlined stays as it is.
    """
    sides, (x1, y1, x2, y2) = box[2:] - box[:2], box.tolist()
    inside = crop[max(0, int(y1)) : int(y2) + 1, max(0, int(x1) - 1) : int(x2) + 2].astype(float)
    away = inside - inside[inside.shape[0] // 2, inside.shape[1] // 2]
    paper, ink = float(inside[inside.shape[0] // 2, inside.shape[1] // 2]), float(inside.flat[np.abs(away).argmax()])
    outline = away[:, :5] * np.sign(ink - paper)  # the left side's, of which each row has some
    if abs(ink - paper) < 50 or (outline.max(1) > abs(ink - paper) / 2).mean() < 0.9:
        return crop
    canvas = Canvas.over(crop.copy())
    width, height = sides.tolist()
    gap = rng.uniform(0.4, 0.7)
    canvas.bar(x2 - gap * width, y1 - 2, x2 + 2, y1 + gap * height, paper)
    tail = rng.uniform(0.35, 0.65)
    head = rng.uniform(0.25, gap - 0.13) * min(width, height)  # it must not close the corner
    tip = np.array([x2 + rng.uniform(-0.12, 0.25) * width, y1 - rng.uniform(-0.12, 0.25) * height])
    thick = max(1.0, float(rng.uniform(0.05, 0.13)) * width)
    canvas.path(np.stack([np.array([x1 + tail * width, y1 + (1 - tail) * height]), tip]), thick, ink)
    canvas.path(tip + np.array([[-head, 0], [0, 0], [0, head]]), thick, ink)
    return canvas.image


def colours(rng: Rng) -> tuple[float, float]:
    """The greys of a screen's ground that is not light, and of what is written on it."""
    if rng.random() >= COLOURED:
        return float(rng.uniform(0, 40)), float(rng.uniform(190, 255))
    ground = float(rng.uniform(40, 205))
    light = ground < 170 and (ground < 120 or rng.random() < 0.7)
    return ground, float(rng.uniform(225, 255) if light else rng.uniform(0, 40))


def coloured(view: Grey, ground: float, ink: float) -> Grey:
    """A view with another ground in the place of white, and another ink in that of black."""
    return np.asarray(np.linspace(ink, ground, 256).round(), np.uint8)[view]


def lit(crop: Grey, box: Floats, rng: Rng) -> tuple[Grey, int]:
    """A crop [CUT,CUT] of a ground that is not light, and its box [4], white within a grey frame; with its state, for some are ticked."""
    canvas = Canvas.over(crop.copy())
    x1, y1, x2, y2 = box.tolist()
    radius, line = float(rng.choice([0.0, 0.12, 0.2])) * (x2 - x1), float(rng.uniform(0.04, 0.12)) * (x2 - x1)
    canvas.round_bar(x1, y1, x2, y2, radius, float(rng.uniform(90, 190)))
    canvas.round_bar(x1 + line, y1 + line, x2 - line, y2 - line, max(0.0, radius - line), float(rng.uniform(215, 255)))
    if rng.random() >= LIT_MARKED:
        return canvas.image, EMPTY
    print_mark(canvas.image, box, rng)
    return canvas.image, FILLED


def solid(crop: Grey, box: Floats) -> bool:
    """Whether a crop [CUT,CUT] shows a box [4] that is plainly dark within, on light ground: inked over, which on a dark screen a white
    box is not. (While all were inverted alike, browsers' white boxes on dark pages were taken for filled ones.)
    """
    if not box.any():
        return False
    x1, y1, x2, y2 = box.tolist()
    inset = 0.2 * (x2 - x1)
    inside = crop[max(0, int(y1 + inset)) : int(y2 - inset) + 1, max(0, int(x1 + inset)) : int(x2 - inset) + 1]
    if not inside.size:
        return False
    low, high = np.percentile(inside, (10, 90))
    return bool(high - low < 60 and np.median(inside) < np.median(crop) - 60)


def print_mark(crop: Grey, box: Floats, rng: Rng) -> None:
    """A mark that no pen makes, in a box [4]; in place: a shape with room around it, as viewers fill fields, a sign or initials
    that are typed, or the whole box in dark with a light sign, as screens show what stands for a part.
    """
    canvas, chance = Canvas.over(crop), rng.random()
    middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    if chance < 0.3:
        kind = rng.integers(3)  # square, disc, diamond
        turns = np.arange(24) * np.pi / 12 if kind == 1 else np.arange(4) * np.pi / 2 + (np.pi / 4 if kind == 0 else 0)
        reach = sides / 2 * rng.uniform(0.35, 0.72) * (np.sqrt(2) if kind == 0 else 1)
        points = middle + np.stack([np.cos(turns), np.sin(turns)], 1) * reach
        canvas.path(points, 0, float(rng.uniform(0, 90)), fill=True)
        return
    if chance < 0.75:
        sign, size, grey = SIGNS[rng.integers(len(SIGNS))], float(rng.uniform(0.45, 0.8)), float(rng.uniform(0, 120))
        if rng.random() < 0.4:
            sign, size = "".join(chr(c) for c in rng.integers(ord("A"), ord("Z") + 1, rng.integers(2, 4))), 0.8
    else:
        left_top = box[:2] + rng.uniform(0, 0.06) * sides
        (x1, y1), (x2, y2) = left_top.tolist(), (2 * middle - left_top).tolist()
        canvas.round_bar(x1, y1, x2, y2, float(rng.uniform(0, 0.15) * sides[0]), float(rng.uniform(0, 150)))
        signs = DASHES if rng.random() < 0.7 else SIGNS
        sign, size, grey = signs[rng.integers(len(signs))], 0.6, float(rng.uniform(210, 255))
    able = [face for face in faces() if face.has(sign)]
    if not able:  # few fonts are installed
        sign, able = "X", [face for face in faces() if face.has("X")]
    cx, cy = middle.tolist()
    canvas.sign(cx, cy, sign, able[rng.integers(len(able))], size * float(sides.min()), grey)


def pointed(crop: Grey, rng: Rng) -> Grey:
    """A stored crop [CUT,CUT], now and then with what screens show where the mouse is: a disc in or around which the candidate
    lies, as Material Design has it, the pointer itself, or both.
    """
    if rng.random() >= POINTED_SHARE:
        return crop
    canvas, kind = Canvas.over(crop.copy()), rng.integers(3)
    middle = CUT / 2 + rng.normal(0, 0.03, 2) * SIDE
    if kind < 2:
        radius = SIDE * rng.uniform(0.8, 1.4)
        (x1, y1), (x2, y2) = (middle - radius).tolist(), (middle + radius).tolist()
        cover, x, y = round_cover(x1, y1, x2, y2, radius)
        strength, toward = rng.uniform(0.03, 0.25), 0 if np.median(crop) >= LIGHT else 255
        canvas.blend(cover * np.float32(strength), x, y, toward)
    if kind > 0:
        points = middle + (rng.normal(0.2, 0.4, 2) + np.array(ARROW) * rng.uniform(0.7, 1.8)) * SIDE
        light, dark = float(rng.uniform(230, 255)), float(rng.uniform(0, 60))
        fill, outline = (light, dark) if rng.random() < 0.7 else (dark, light)
        canvas.path(points, 0, fill, fill=True)
        canvas.path(points, float(rng.uniform(1.2, 2.2)), outline, close=True)
    return canvas.image


@lru_cache(maxsize=1)
def faces() -> list[Face]:
    """Faces for what is typed into boxes: some with letters, some with signs; none of those kept for validation."""
    of, rng = book(0), np.random.default_rng(1)
    some = [of.pick(rng) for _ in range(TYPED_FACES)]
    for listed in (of.symbols, of.hands):
        some += [listed[i] for i in rng.permutation(len(listed))[: TYPED_FACES // 3]]
    return some


def through(front: Views, back: Views, rng: Rng) -> Views:
    """A stored crop [CUT,CUT] and what is around it [WIDE_CUT,WIDE_CUT] on a sheet on whose back is something else: mirrored, pale
    and soft.  Only paper is seen through: where either side is darker, the front is as it was.
    """
    if min(np.median(view) for view in (*front, *back)) < PAPER:
        return front
    ink, blur = rng.uniform(*GHOST_INK), rng.uniform(*GHOST_BLUR)
    seen = []
    for own, behind, unit in zip(front, back, (SIDE, WIDE), strict=True):
        soft = np.asarray(cv2.GaussianBlur(behind[:, ::-1], (0, 0), blur * unit), np.float32)
        paper = np.float32(np.median(soft))
        seen.append((own * (1 - ink * (1 - soft / paper).clip(0, 1))).astype(np.uint8))
    return seen[0], seen[1]


def aside(views: Views, rng: Rng) -> Views:
    """A stored crop [CUT,CUT] and what is around it [WIDE_CUT,WIDE_CUT] shifted, so that what was in the middle no longer is."""
    away = rng.uniform(0.8, 2.0, 2) * rng.choice([-1, 1], 2)  # sides of a box
    shifts = [np.round(away * unit).astype(int).tolist() for unit in (SIDE, WIDE)]
    close, wide = (np.roll(view, shift, (0, 1)) for view, shift in zip(views, shifts, strict=True))
    return close, wide


def blank_middle(crop: Grey) -> bool:
    """Whether there is little but paper where a crop [CUT,CUT] would show a box."""
    middle = slice(round(CUT / 2 - 0.7 * SIDE), round(CUT / 2 + 0.7 * SIDE))
    return bool(np.percentile(crop[middle, middle], 8) > 0.85 * np.median(crop))


def inlaid(wide: Grey, crop: Grey) -> Grey:
    """What is around a crop [WIDE_CUT,WIDE_CUT] with the middle of the crop [CUT,CUT], which was drawn on, in it."""
    reach, off = 2 * SIDE, round(2 * WIDE)  # px from the middle, in both
    middle = crop[round(CUT / 2 - reach) : round(CUT / 2 + reach), round(CUT / 2 - reach) : round(CUT / 2 + reach)]
    wide = wide.copy()
    inside = slice(WIDE_CUT // 2 - off, WIDE_CUT // 2 + off)
    wide[inside, inside] = cv2.resize(middle, (2 * off, 2 * off), interpolation=cv2.INTER_AREA)
    return wide


def title_bar(rng: Rng) -> tuple[Grey, Grey]:
    """The square that enlarges a window, as a crop [CUT,CUT] with what is around it [WIDE_CUT,WIDE_CUT].

    It differs from a checkbox by nothing but its neighbours, a dash and a cross, which may be five of its sides away.
    """
    dark = rng.random() < 0.35
    bar, body, beyond = (float(rng.uniform(10, 90) if dark else rng.uniform(190, 255)) for _ in range(3))
    grey = bar + float(rng.uniform(0.25, 1)) * ((255 if dark else 0) - bar)
    faint = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.2, 0.7))  # where a window cannot be enlarged
    own = bar + faint * (grey - bar)
    step, line, high = float(rng.uniform(1.3, 5.5)), float(rng.uniform(0.05, 0.14)), float(rng.uniform(0.8, 1))
    top, bottom, right = -float(rng.uniform(0.7, 2.2)), float(rng.uniform(0.7, 2.5)), float(rng.uniform(0.7, 3))
    dash, cross = [(-1, 1), (-1, 1), (-1, 1), (1, 2), (-1, -2), (-2, -1), (2, 1)][rng.integers(7)]
    low, thick, radius = float(rng.uniform(0, 0.45)), rng.random() < 0.2, float(rng.choice([0, 0, 0.1, 0.2]))
    frames = float(rng.uniform(1.5, min(step, 2.4))) if step > 1.6 and rng.random() < 0.25 else 0.0
    views = Canvas(CUT, CUT, beyond), Canvas(WIDE_CUT, WIDE_CUT, beyond)
    for canvas, unit in zip(views, (SIDE, WIDE), strict=True):
        middle, far = canvas.width / 2, 2.0 * canvas.width

        def block(x: float, y: float, x2: float, y2: float, shade: float) -> None:
            canvas.bar(middle + x * unit, middle + y * unit, middle + x2 * unit, middle + y2 * unit, shade)  # noqa: B023

        end = max(0, dash, cross) * step + right
        block(-far, top, end, far, body)
        block(-far, top, end, bottom, bar)
        for at in (0, dash, cross):
            if frames:
                x1, x2 = (middle + (at * step + half * frames / 2) * unit for half in (-1, 1))
                y1, y2 = (middle + half * frames / 2 * unit for half in (-1, 1))
                canvas.round_bar(x1, y1, x2, y2, radius * unit, (bar + grey) / 2, max(1.0, line * unit / 2))
        block(dash * step - 0.5, low, dash * step + 0.5, low + line, grey)
        for slope in (-1, 1):
            ends = np.array([[cross * step - 0.45, -0.45 * slope], [cross * step + 0.45, 0.45 * slope]])
            canvas.path(middle + ends * unit, line * unit, grey)
        x1, x2, y1, y2 = (middle + v * unit for v in (-0.5, 0.5, -high / 2, high / 2))
        canvas.round_bar(x1, y1, x2, y2, radius * unit, own, line * unit)
        if thick:
            block(-0.5, -high / 2, 0.5, -high / 2 + 2 * line, own)
    return views[0].image, views[1].image


def seen(
    crop: Grey, wide: Grey, box: Floats, rng: Rng, bare: bool = True, invertible: bool = True
) -> tuple[Grey, Floats]:
    """A stored crop [CUT,CUT] and what is around it [WIDE_CUT,WIDE_CUT] as the verifier might see them [2*SIZE,SIZE], and the box [4]
    in the close view.  bare: what is around it may be left out.  invertible: light may become dark.

    It is cut by the page's edge, shifted and scaled, since the finder's boxes are not exact, taken from a coarser page, bared of what
    is around it, and spoiled.
    """
    is_box = box.any()
    shows = (box if is_box else np.array([CUT - SIDE, CUT - SIDE, CUT + SIDE, CUT + SIDE]) / 2).astype(np.float32)
    edge = page_edge(shows, rng) if is_box or rng.random() < 0.5 else None
    middle = np.full(2, CUT / 2)
    if edge is not None:
        shows[edge[0]] = edge[1]
        middle = (shows[:2] + shows[2:]) / 2
    loose = LOOSE if rng.random() < LOOSE_SHARE else 1.0
    factor = np.exp(loose * (rng.normal(0, 0.07, 1) + rng.normal(0, 0.03, 2)).clip(-0.2, 0.22))
    middle = middle + loose * rng.normal(0, 0.06, 2) * SIDE
    scale = BOX / SIDE * factor
    if rng.random() < 0.3:  # a page of few pixels
        coarse = round(CUT * rng.uniform(0.35, 1.0))
        small = cv2.resize(crop, (coarse, coarse), interpolation=cv2.INTER_AREA)
        crop = cv2.resize(small, (CUT, CUT), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    close = placed(crop, middle, scale)
    around = placed(wide, (middle - CUT / 2) * WIDE / SIDE + WIDE_CUT / 2, factor)
    if rng.random() < WOVEN_SHARE:
        close, around = woven((close, around), rng)
    out = spoil(np.concatenate(alone(close, around, rng) if bare else (close, around)), rng, invertible=invertible)
    moved = (shows * np.tile(scale, 2) + np.tile(SIZE / 2 - middle * scale, 2)).astype(np.float32)
    if edge is not None:  # beyond it is paper, whatever the page is like
        out = out.copy()
        for view, unit in ((out[:SIZE], BOX), (out[SIZE:], WIDE)):
            at = max(0, round(SIZE / 2 + (float(moved[edge[0]]) - SIZE / 2) * unit / BOX))
            beyond = slice(0, at) if edge[0] < 2 else slice(at, SIZE)
            (view if edge[0] % 2 else view.T)[beyond] = 255
    return out, moved if is_box else np.zeros(4, np.float32)


def woven(views: Views, rng: Rng) -> Views:
    """Both views [SIZE,SIZE] with the beats of a screen's dots and a camera's on them: two waves across each other, or one.

    The fainter what is in the middle, the fainter they are, so that it can still be seen.
    """
    middle = slice(round(SIZE / 2 - BOX), round(SIZE / 2 + BOX))
    low, high = np.percentile(views[0][middle, middle], (3, 97))
    dark, angle = rng.uniform(*WOVEN_DARK) * (high - low) / 255, rng.uniform(0, np.pi)
    across = angle + np.pi / 2 + rng.normal(0, 0.1)
    waves = [(a, float(np.exp(rng.uniform(np.log(2.2), np.log(16))))) for a in (angle, across)]
    waves = waves[: 1 + int(rng.random() < 0.7)]
    narrow, shift = rng.uniform(0.6, 2), rng.uniform(0, SIZE, 2)  # the exponent makes lines of waves
    seen = []
    for view, unit in zip(views, (BOX, WIDE), strict=True):
        y, x = (
            np.mgrid[:SIZE, :SIZE].astype(np.float32) * np.float32(BOX / unit) + shift.astype(np.float32)[:, None, None]
        )
        light = np.ones((SIZE, SIZE), np.float32)
        for direction, period in waves:
            wave = 0.5 + 0.5 * np.sin((np.cos(direction) * x + np.sin(direction) * y) * 2 * np.pi / period)
            shown = min(1.0, max(0.0, period * unit / BOX / 2 - 1))  # what is finer than the pixels is not
            light *= (1 - dark * (shown * wave**narrow + (1 - shown) * 0.4)).astype(np.float32)
        seen.append((view * light).astype(np.uint8))
    return seen[0], seen[1]


def placed(picture: Grey, middle: NDArray[np.float64], scale: NDArray[np.float64]) -> Grey:
    """A picture scaled by [2] (x, y), what was at `middle` [2] being in the middle of [SIZE,SIZE]."""
    # Pixel centres are at +0.5, hence the half pixels.
    dx, dy = SIZE / 2 - middle * scale + 0.5 * scale - 0.5
    matrix = np.array([[scale[0], 0, dx], [0, scale[1], dy]], np.float32)
    out = cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def page_edge(around: Floats, rng: Rng) -> tuple[int, float] | None:
    """Now and then an edge of the page that cuts a candidate [4]: which of its edges it replaces, and where it is."""
    if rng.random() >= EDGE_SHARE:
        return None
    side = int(rng.integers(4))
    off = float(rng.uniform(0, EDGE_MOST) * (around[2:] - around[:2])[side % 2])
    return side, float(around[side]) + (off if side < 2 else -off)


def alone(close: Grey, wide: Grey, rng: Rng) -> tuple[Grey, Grey]:
    """Both views [SIZE,SIZE], now and then with nothing but paper around what lies in the middle: a box needs no words beside it.  Now and
    then the wide one shows nothing at all.
    """
    paper, chance = np.median(close), rng.random()
    if chance < BLIND_SHARE:
        return close, np.full_like(wide, paper)
    if chance >= BLIND_SHARE + ALONE_SHARE:
        return close, wide
    reach, bare = rng.uniform(0.8, 1.6), (np.full_like(close, paper), np.full_like(wide, paper))
    for view, shown, unit in zip((close, wide), bare, (BOX, WIDE), strict=True):
        middle = slice(round(SIZE / 2 - reach * unit), round(SIZE / 2 + reach * unit))
        shown[middle, middle] = view[middle, middle]
    return bare


def train(
    folder: Path,
    out: Path,
    minutes: float,
    *,
    batch: int = 256,
    top_rate: float = 3e-3,
    seed: int = 1,
    workers: int = 1,
    max_steps: int | None = None,
    channels: tuple[int, int, int, int, int] = CHANNELS,
    start_from: Path | None = None,
    log_every: int = 100,
) -> Verifier:
    """Train on the candidates in a folder until the minutes (or steps) are spent, save OUT/last.pt, return the averaged network.

    start_from: a verifier to begin with, exported or a checkpoint, instead of `channels` at random.
    """
    torch.manual_seed(seed)
    return fit(
        Verifier(channels) if start_from is None else checkpoint.load_verifier(start_from),
        lambda number: Candidates(folder, batch, number),
        loss,
        out / "last.pt",
        minutes,
        top_rate=top_rate,
        seed=seed,
        workers=workers,
        max_steps=max_steps,
        settle=start_from is not None and start_from.suffix == ".onnx",
        log_every=log_every,
    )


def main() -> None:
    parser = options("Train the verifier.", HERE / "work" / "verifier", batch=256)
    parser.add_argument(
        "--candidates", type=Path, default=HERE / "work" / "candidates", help="what model.candidates wrote"
    )
    parser.add_argument("--start-from", type=Path, help="a verifier to go on from, e.g. model/verifier.onnx")
    args = parser.parse_args()
    train(
        args.candidates,
        args.out,
        args.minutes,
        batch=args.batch,
        top_rate=args.rate,
        seed=args.seed,
        max_steps=args.max_steps,
        start_from=args.start_from,
    )


if __name__ == "__main__":
    main()
