"""Reads the form corpus: fillable PDFs whose widgets say where the checkboxes are.

The corpus is a folder beside the repository (../shared/corpus), or where --corpus or the variable CORPUS points.  Its
README says what is in it.  Nothing of it is copied into the repository.

A widget is not the printed box, so each one is snapped to the closed outline printed under it.  What does not snap is
ignored in training (neither a box nor background), except circles, which are background: a circle is no checkbox.
Square outlines without a widget are ignored too, because half of them are checkboxes that nobody labelled.
"""

from __future__ import annotations

import csv
import ctypes
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from model.page import EMPTY, FILLED, IGNORE, Page

ROOT = Path(__file__).parent.parent
ABSENT = "form corpus not found: set CORPUS or --corpus to its folder (the one that holds PAGES.csv)"

# The split, by whole sources, the only place where it is written down.  Everything else in the corpus is for training.
# Chosen so that the same agency's forms are in no training source: Illinois courts (two sources), French CERFA building
# permits, New York Surrogate Court, Social Security, Veterans Affairs.  images/ is never trained on, bubble sheets apart.
HELD_OUT = {
    "illinois": (
        "IllinoisLegalAidOnline/docassemble-EmergencyOrderOfProtectionCookCounty",
        "IllinoisLegalAidOnline/docassemble-AppearanceEfile",
    ),
    "french": ("ayouubmzariiii/DP-Last",),
    "surrogate": ("Ranguana/Surrogate-Court-Forms",),
    "ssa": ("nonprofittechy/docassemble-ssioverpaymentwaiver",),
    "va": ("department-of-veterans-affairs/caseflow",),
}

# It warns of every form that has an XFA twin; the AcroForm, which is read here, is what other viewers show.
logging.getLogger("pypdfium2").setLevel(logging.ERROR)

LABEL_SCALE = 4.0  # px a point at which outlines are measured (288 dpi): an edge is right to 0.25 pt
MIN_PT, MAX_PT = 4.5, 26.0  # sides of a checkbox; wider ones in the corpus are text fields and signature boxes

Array = NDArray[np.uint8]
Rect = tuple[float, float, float, float]


def corpus_root(given: Path | None = None) -> Path | None:
    """The corpus folder, or None where there is none (see ABSENT)."""
    for path in (given, os.environ.get("CORPUS"), ROOT.parent / "shared" / "corpus"):
        if path is not None:
            return Path(path) if (Path(path) / "PAGES.csv").exists() else None
    return None


@dataclass(frozen=True)
class Entry:
    """One PDF page of the corpus; `complete`: no square outline on it lacks a widget."""

    path: Path
    index: int
    source: str
    complete: bool


def entries(root: Path) -> list[Entry]:
    """All PDF pages, in the order of PAGES.csv."""
    with open(root / "MANIFEST.csv", newline="") as f:
        source = {row["path"]: row["source_repo"] for row in csv.DictReader(f)}
    with open(root / "PAGES.csv", newline="") as f:
        return [
            Entry(
                root / row["path"],
                int(row["page_index"]),
                source[row["path"]],
                row["n_square_outlines_without_widget"] == "0",
            )
            for row in csv.DictReader(f)
        ]


def held_out_set(source: str) -> str | None:
    """Name of the validation set that a source belongs to, None if it is for training."""
    for name, sources in HELD_OUT.items():
        if source in sources:
            return name
    return None


# ---- outlines ------------------------------------------------------------------------------------------------------


def _iou(a: Rect, b: Rect) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def _strokes(mask: Array) -> list[tuple[int, int, int, int]]:
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2]
    return [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:]]


def snap(grey: Array, rect: Rect, lo: float, hi: float) -> Rect | None:
    """Outer edge of the square outline printed around, in or near a widget's rectangle; None if there is none.

    grey [H,W]; rect and result x1, y1, x2, y2 in pixels; lo, hi: smallest and largest side in pixels.  A side must be
    printed over at least 80% of its length, sides may differ by a third, and the square must overlap the widget by an
    IoU of 0.3.  Also found: a light square on a shaded ground, without outline.
    """
    size = min(rect[2] - rect[0], rect[3] - rect[1])
    if size < lo * 0.6:
        return None
    pad = max(0.5 * size, 6.0)
    height, width = grey.shape
    x0, y0 = max(0, int(rect[0] - pad)), max(0, int(rect[1] - pad))
    x1, y1 = min(width, int(rect[2] + pad) + 1), min(height, int(rect[3] + pad) + 1)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None
    window = grey[y0:y1, x0:x1]
    local: Rect = (rect[0] - x0, rect[1] - y0, rect[2] - x0, rect[3] - y0)
    paper = float(np.percentile(window, 80))
    for contrast in (70, 30):
        ink = (window < paper - contrast).astype(np.uint8)
        found = _outline(ink, local, size, lo, hi)
        if found is not None:
            return found[0] + x0, found[1] + y0, found[2] + x0, found[3] + y0
    found = _light_square(window, local, lo, hi)
    return None if found is None else (found[0] + x0, found[1] + y0, found[2] + x0, found[3] + y0)


def _outline(ink: Array, rect: Rect, size: float, lo: float, hi: float) -> Rect | None:
    length = max(5, int(0.55 * size))
    upright = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8)).astype(np.uint8)
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8)).astype(np.uint8)
    thick = max(4.0, 0.35 * size)
    vertical = [s for s in _strokes(upright) if s[2] - s[0] <= thick]
    horizontal = [s for s in _strokes(level) if s[3] - s[1] <= thick]
    best, best_score = None, 0.0
    for left in vertical:
        for right in vertical:
            w = right[2] - left[0]
            if right[0] <= left[2] or not lo <= w <= hi:
                continue
            for top in horizontal:
                for bottom in horizontal:
                    h = bottom[3] - top[1]
                    if bottom[1] <= top[3] or not lo <= h <= hi or not 0.75 <= w / h <= 1.334:
                        continue
                    box: Rect = (left[0], top[1], right[2], bottom[3])
                    overlap = _iou(box, rect)
                    if overlap < 0.3:
                        continue
                    rows, cols = slice(top[1], bottom[3]), slice(left[0], right[2])
                    sides = (
                        upright[rows, left[0] : left[2]].max(1).mean(),
                        upright[rows, right[0] : right[2]].max(1).mean(),
                        level[top[1] : top[3], cols].max(0).mean(),
                        level[bottom[1] : bottom[3], cols].max(0).mean(),
                    )
                    score = overlap - 0.5 * abs(1 - w / h)
                    if min(sides) >= 0.8 and score > best_score:
                        best, best_score = box, score
    return best


def _light_square(window: Array, rect: Rect, lo: float, hi: float) -> Rect | None:
    ring = np.concatenate([window[0], window[-1], window[:, 0], window[:, -1]])
    ground = float(np.median(ring))
    cx, cy = int((rect[0] + rect[2]) / 2), int((rect[1] + rect[3]) / 2)
    inside = float(np.median(window[max(0, cy - 3) : cy + 4, max(0, cx - 3) : cx + 4]))
    if inside - ground < 12:
        return None
    bright = (window > (inside + ground) / 2).astype(np.uint8)
    labels, stats = cv2.connectedComponentsWithStats(bright, connectivity=4)[1:3]
    k = labels[cy, cx]
    if k == 0:
        return None
    x, y, w, h, area = (int(v) for v in stats[k])
    box: Rect = (x, y, x + w, y + h)
    if lo <= w <= hi and lo <= h <= hi and 0.75 <= w / h <= 1.334 and area > 0.9 * w * h and _iou(box, rect) > 0.3:
        return box
    return None


def is_round(grey: Array, rect: Rect) -> bool:
    """Whether the outline printed in a widget's rectangle is a circle: the ink is equally far in 32 directions.

    Of a square the distances deviate by 11% of their mean, of a square with corners rounded by a third still by 7%.
    """
    cx, cy = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    size = min(rect[2] - rect[0], rect[3] - rect[1])
    radii = np.arange(0.27 * size, 0.75 * size, 0.5)
    if len(radii) < 4:
        return False
    angles = np.arange(32) * (2 * np.pi / 32)
    x = np.clip(cx + np.cos(angles)[:, None] * radii, 0, grey.shape[1] - 1).astype(int)
    y = np.clip(cy + np.sin(angles)[:, None] * radii, 0, grey.shape[0] - 1).astype(int)
    rays = grey[y, x]
    ink = rays < np.percentile(rays, 80) - 40
    if ink.any(1).mean() < 0.9:
        return False
    first = radii[ink.argmax(1)][ink.any(1)]
    # A circle off the widget's centre gives a sine; take it out.
    basis = np.stack([np.ones(len(first)), np.cos(angles[ink.any(1)]), np.sin(angles[ink.any(1)])], 1)
    rest = first - basis @ np.linalg.lstsq(basis, first, rcond=None)[0]
    return bool(np.sqrt((rest**2).mean()) < 0.05 * first.mean())


def in_oval_or_slot(grey: Array, box: Rect) -> bool:
    """Whether a closed outline that is no square lies closely around a box: an oval to fill in, or a wide slot.

    Forms with ovals carry square widgets in them, and viewers draw a pale square there, to which `snap` snaps.
    """
    side = max(box[2] - box[0], box[3] - box[1])
    height, width = grey.shape
    x0, y0 = max(0, int(box[0] - 1.5 * side)), max(0, int(box[1] - side))
    x1, y1 = min(width, int(box[2] + 1.5 * side)), min(height, int(box[3] + side))
    window = grey[y0:y1, x0:x1]
    ink = (window < float(np.percentile(window, 80)) - 60).astype(np.uint8)
    contours, hierarchy = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cx, cy = (box[0] + box[2]) / 2 - x0, (box[1] + box[3]) / 2 - y0
    for contour, links in zip(contours, hierarchy[0] if hierarchy is not None else (), strict=True):
        if links[3] < 0 or cv2.pointPolygonTest(contour, (cx, cy), False) <= 0:
            continue
        _, _, w, h = cv2.boundingRect(contour)
        close = 0.85 * side <= h <= 1.5 * side and 0.85 * side <= w <= 2.6 * side
        if close and (w > 1.4 * h or cv2.contourArea(contour) < 0.86 * (w - 1) * (h - 1)):
            return True
    return False


def square_outlines(grey: Array, lo: float, hi: float) -> list[Rect]:
    """Closed square outlines on a page (any that could be a checkbox), outer edge, in pixels."""
    ink = (grey < 170).astype(np.uint8)
    contours, hierarchy = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found: list[Rect] = []
    if hierarchy is None:
        return found
    for contour, links in zip(contours, hierarchy[0], strict=True):
        if links[3] < 0:
            continue  # an outer boundary; only holes are asked for
        x, y, w, h = cv2.boundingRect(contour)
        if not (lo * 0.6 <= w <= hi and lo * 0.6 <= h <= hi and 0.7 <= w / h <= 1.43):
            continue
        if cv2.contourArea(contour) < 0.95 * (w - 1) * (h - 1):
            continue
        edge = 0.12 * w
        found.append((x - edge, y - edge, x + w + edge, y + h + edge))
    return found


# ---- forms ---------------------------------------------------------------------------------------------------------


@dataclass
class Box:
    """One labelled place of a form page; coordinates are fractions of the page's width and height.

    outline: outer edge of the printed square (for IGNORE: the widget, or the unlabelled square).
    widget: the widget's own rectangle, inside which its appearance is drawn.
    off, on: state (EMPTY, FILLED, IGNORE) in the rendering with everything switched off, and on.
    """

    outline: Rect
    widget: Rect
    off: int
    on: int


@dataclass
class Form:
    """A form page ready to be rendered at any scale.  `close` when done with it."""

    entry: Entry
    boxes: list[Box] = field(default_factory=list)
    width: float = 0.0  # points
    height: float = 0.0
    _off: _Opened | None = None
    _on: _Opened | None = None

    def render(self, long_side: int, on: bool = False) -> Array:
        """Grey picture [H,W] with its long side at `long_side` pixels, widgets drawn, all off or all on."""
        opened = self._on if on else self._off
        assert opened is not None
        return opened.render(long_side / max(self.width, self.height))

    def page(self, long_side: int, filled: NDArray[np.bool_]) -> Page:
        """The page with the widgets named by `filled` [len(boxes)] switched on where they can be."""
        image = self.render(long_side).copy()
        h, w = image.shape
        scale = np.array([w, h, w, h], np.float32)
        states = np.array([b.off for b in self.boxes], np.int8)
        if filled.any():
            lit = self.render(long_side, on=True)
            for i in np.flatnonzero(filled):
                box = self.boxes[i]
                if box.on != FILLED or box.off == IGNORE:
                    continue
                x0, y0 = (int(v) - 1 for v in np.minimum(box.widget, box.outline)[:2] * scale[:2])
                x1, y1 = (int(v) + 2 for v in np.maximum(box.widget, box.outline)[2:] * scale[:2])
                x0, y0 = max(0, x0), max(0, y0)
                image[y0:y1, x0:x1] = lit[y0:y1, x0:x1]
                states[i] = FILLED
        boxes = np.array([b.outline for b in self.boxes], np.float32).reshape(-1, 4) * scale
        return Page(image, boxes, states)

    def close(self) -> None:
        for opened in (self._off, self._on):
            if opened is not None:
                opened.close()


class _Opened:
    """One PDF page with its own form state."""

    def __init__(self, path: Path, index: int) -> None:
        self.pdf = pdfium.PdfDocument(path)
        self.pdf.init_forms()
        self.page = self.pdf[index]
        self.env = self.pdf.formenv
        self.size: tuple[float, float] = self.page.get_size()

    def close(self) -> None:
        self.page.close()
        self.pdf.close()

    def render(self, scale: float) -> Array:
        bitmap = self.page.render(scale=scale, grayscale=True, may_draw_forms=True)
        image = bitmap.to_numpy()
        return np.array(image[..., 0] if image.ndim == 3 else image)

    def fraction(self, x: float, y: float) -> tuple[float, float]:
        """Page coordinates (points, y up) to fractions of the rendered page."""
        unit = 1_000_000
        px, py = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(self.page.raw, 0, 0, unit, unit, 0, x, y, px, py)
        return px.value / unit, py.value / unit

    def widgets(self) -> list[tuple[Rect, Rect, bool]]:
        """Checkbox and radio widgets: rectangle in points, in fractions, whether it is checked."""
        if self.env is None:
            return []
        found: list[tuple[Rect, Rect, bool]] = []
        for i in range(raw.FPDFPage_GetAnnotCount(self.page.raw)):
            annot = raw.FPDFPage_GetAnnot(self.page.raw, i)
            if not annot:
                continue
            kind = raw.FPDFAnnot_GetFormFieldType(self.env.raw, annot)
            if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
                r = raw.FS_RECTF()
                raw.FPDFAnnot_GetRect(annot, r)
                checked = bool(raw.FPDFAnnot_IsChecked(self.env.raw, annot))
                ax, ay = self.fraction(r.left, r.top)
                bx, by = self.fraction(r.right, r.bottom)
                rect = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
                # A widget off the page would upset the pairing of the two renderings if it were left out: clamp it.
                rect = (max(rect[0], 0.0), max(rect[1], 0.0), min(rect[2], 1.0), min(rect[3], 1.0))
                found.append(((r.left, r.bottom, r.right, r.top), rect, checked))
            raw.FPDFPage_CloseAnnot(annot)
        return found

    def switch(self, on: bool) -> None:
        """Click every widget that is not in the wanted state, as a person would; a radio cannot be clicked off."""
        for points, _, checked in self.widgets():
            if checked != on and self.env is not None:
                x, y = (points[0] + points[2]) / 2, (points[1] + points[3]) / 2
                raw.FORM_OnMouseMove(self.env.raw, self.page.raw, 0, x, y)
                raw.FORM_OnLButtonDown(self.env.raw, self.page.raw, 0, x, y)
                raw.FORM_OnLButtonUp(self.env.raw, self.page.raw, 0, x, y)
        if self.env is not None:
            raw.FORM_ForceToKillFocus(self.env.raw)


def open_form(entry: Entry) -> Form:
    """Open a page, snap its widgets and find out which of them really look different when switched on."""
    form = Form(entry)
    form._off, form._on = _Opened(entry.path, entry.index), _Opened(entry.path, entry.index)
    form.width, form.height = form._off.size
    form._off.switch(False)
    form._on.switch(True)
    off, on = form._off.widgets(), form._on.widgets()
    at = LABEL_SCALE
    grey = form._off.render(at)
    lit = form._on.render(at) if on else grey
    h, w = grey.shape
    scale = np.array([w, h, w, h])
    for (_, rect, was), (_, _, now) in zip(off, on, strict=True):
        if rect[2] <= rect[0] or rect[3] <= rect[1]:
            continue
        pixels: Rect = tuple(np.array(rect) * scale)
        if is_round(grey, pixels):
            continue
        outline = snap(grey, pixels, MIN_PT * at, MAX_PT * at)
        if outline is None or in_oval_or_slot(grey, outline):
            form.boxes.append(Box(rect, rect, IGNORE, IGNORE))
            continue
        x0, y0, x1, y1 = (int(v) for v in outline)
        changed = np.abs(grey[y0:y1, x0:x1].astype(int) - lit[y0:y1, x0:x1]).mean() > 4
        state_off = FILLED if was else EMPTY
        state_on = FILLED if now and (changed or was) else state_off
        fractions: Rect = tuple(np.array(outline) / scale)
        form.boxes.append(Box(fractions, rect, state_off, state_on))
    # Two widgets on one printed square (a field shown twice) would be two labels for one box.
    kept: list[Box] = []
    for box in form.boxes:
        if box.off == IGNORE or all(_iou(box.outline, k.outline) < 0.3 or k.off == IGNORE for k in kept):
            kept.append(box)
    form.boxes = kept
    if not entry.complete:
        for found in square_outlines(grey, MIN_PT * at, MAX_PT * at):
            loose: Rect = tuple(np.array(found) / scale)
            if all(_iou(loose, b.outline) < 0.3 for b in form.boxes):
                form.boxes.append(Box(loose, loose, IGNORE, IGNORE))
    return form


def forms(chosen: list[Entry]) -> Iterator[Form]:
    """Open one after the other, each closed before the next; a page that cannot be opened is named and left out."""
    for entry in chosen:
        try:
            form = open_form(entry)
        except pdfium.PdfiumError as error:
            print(f"{entry.path.name} page {entry.index}: {error}")
            continue
        try:
            yield form
        finally:
            form.close()
