"""The pages that judge the networks, kept from training: each set as it is made, once, and read back.

Sets:
  accident            hand-filled colour scans of one form (images/accident_statement), never trained on
  askew               the same 0.5 to 4 degrees askew, as scans may lie, once each way
  clean100/200/300    held-out corpus sources (corpus.HELD_OUT) rendered at 100, 200, 300 dpi, half the boxes switched on
  poor                the same at 200 dpi as poor scans: turned, blurred, noisy, JPEG 35
  pen                 the same at 200 dpi, marked by drawn pens
  turned              the same on one of their sides or upright, up to 20 degrees askew
  faded               accident, and clean200's every third page, of little contrast, light or dark, with a scanner's noise
  through             the same with another page on the back of the paper, which shines through
  photo               the same photographed: on a desk, or off a screen
  drawn               drawn pages with seeds that training does not use
  other               pages by another generator with other fonts (model.alt_pages)
  web                 screenshots of HTML with CSS kits and icons that training does not see (model.browser_pages)
  large               the same 1,600 to 3,840 px wide, with boxes of the usual size
  desktop, programs, applications, packages, crates, interfaces
                      real screenshots and other pictures (written by model.screenshots)
  demos               pages that come with packages on npm, as a browser shows them (written by model.demos)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model import browser_pages, corpus
from model.alt_pages import draw_alt_page
from model.canvas import BOX_KINDS
from model.degrade import degrade
from model.detect import read_grey
from model.draw import mark, to_grey
from model.fonts import book
from model.page import EMPTY, FILLED, IGNORE, Page, pages_in, save
from model.pages import draw_page
from model.styles import styled_page
from model.upright import around

HERE = Path(__file__).parent
SETS = HERE / "work" / "eval"
EVAL_SEED = 990_000  # drawn evaluation pages: seeds that model.draw is not given
DRAWN, WEB, LARGE = 100, 240, 60
STYLED = 24  # pages of each kind of style
# The set `small`: of these sets, of one page in so many, a piece with a box and one without.
PIECES_OF = {"applications": 1, "programs": 1, "web": 3, "clean200": 3, "poor": 3, "pen": 3, "other": 2}
WORN_OF = {"accident": 1, "clean200": 3}  # the sets `faded`, `through` and `photo`: of these sets, one page in so many

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass
class Labelled:
    """A page to be judged: its file, boxes [n,4] in pixels and states [n]."""

    path: Path
    boxes: Floats
    states: NDArray[np.int8]

    def image(self) -> Grey:
        """Grey picture [H,W]."""
        return np.load(self.path) if self.path.suffix == ".npy" else read_grey(self.path)

    def page(self) -> Page:
        """The page with its picture, to make another of."""
        return Page(self.image(), self.boxes, self.states)

    def picture(self, path: Path) -> Path:
        """A picture file of the page: its own, or written to `path`."""
        if self.path.suffix != ".npy":
            return self.path
        cv2.imwrite(str(path), self.image(), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return path


def labelled(folder: Path) -> list[Labelled]:
    """The labelled pages of one folder: NAME.npy with NAME.boxes.npy (see model.page), or pictures with NAME.json.

    Such a JSON reads {"image": FILE, "boxes": [{"bbox": [x1, y1, x2, y2], "state": "checked" | "unchecked",
    "ambiguous": true if it is to be ignored}]}, in pixels of the upright picture.
    """
    found = []
    for path in pages_in(folder):
        labels = np.load(path.with_suffix(".boxes.npy"))
        found.append(Labelled(path, labels[:, :4], labels[:, 4].astype(np.int8)))
    for path in sorted(folder.glob("*.json")):
        label = json.loads(path.read_text())
        if "boxes" not in label:
            continue
        states = [
            IGNORE if b.get("ambiguous") else FILLED if b["state"] == "checked" else EMPTY for b in label["boxes"]
        ]
        boxes = np.array([b["bbox"] for b in label["boxes"]], np.float32).reshape(-1, 4)
        found.append(Labelled(folder / label["image"], boxes, np.array(states, np.int8)))
    return found


# ---- what happens to pages, by other means than model.degrade -------------------------------------------------------


def poor_scan(page: Page, rng: np.random.Generator) -> Page:
    """A bad scan of a page [H,W]: turned by up to 1 degree, blur, noise, JPEG 35."""
    h, w = page.image.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-1, 1)), 1.0)
    image = cv2.warpAffine(page.image, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 1.6)) * max(h, w) / 2200)
    paper, ink = rng.uniform(205, 250), rng.uniform(20, 90)
    noisy = ink + (paper - ink) * image.astype(np.float32) / 255 + rng.normal(0, rng.uniform(4, 12), image.shape)
    data = cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 35])[1]
    spoiled = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return Page(spoiled, around(page.boxes, turn), page.states)


def turned_by(page: Page, degrees: float, ground: float) -> Page:
    """A page [H,W] turned about its middle, against the clock, on a ground of this grey."""
    h, w = page.image.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    wide, high = np.ceil(np.abs(turn[:, :2]) @ [w, h]).astype(int).tolist()
    turn[:, 2] += (wide - w) / 2, (high - h) / 2
    image = cv2.warpAffine(page.image, turn, (wide, high), flags=cv2.INTER_LINEAR, borderValue=ground)
    return Page(np.asarray(image, np.uint8), around(page.boxes, turn), page.states)


def aslant(page: Page, rng: np.random.Generator) -> Page:
    """A page [H,W] as it may lie on a desk: on one of its sides or upright, up to 20 degrees askew, on a ground of any grey."""
    degrees = 90 * float(rng.choice([0, 0, 1, 3])) + float(rng.uniform(-20, 20))
    return turned_by(page, degrees, float(rng.uniform(60, 255)))


def piece(page: Page, rng: np.random.Generator, box: Floats | None) -> Page | None:
    """A piece of a page [H,W], up to 500 px wide and 400 high, with all of `box` [4] or, if None, without any; None where there is none.

    Boxes of which less than two thirds show are to be ignored.
    """
    size = np.minimum([rng.integers(150, 501), rng.integers(60, 401)], page.image.shape[::-1])
    low, high = np.zeros(2), page.image.shape[::-1] - size
    if box is not None:
        low, high = np.maximum(low, box[2:] - size + 2), np.minimum(high, box[:2] - 2)
        if (low > high).any():
            return None
    x, y = rng.uniform(low, high).astype(int).tolist()
    w, h = size.tolist()
    boxes = np.asarray(page.boxes.clip([x, y, x, y], [x + w, y + h, x + w, y + h]) - [x, y, x, y], np.float32)
    areas = [(b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, page.boxes)]
    shows = areas[0] > 0
    if box is None and shows.any():
        return None
    states = np.where(areas[0] < areas[1] * 2 / 3, IGNORE, page.states)[shows].astype(np.int8)
    return Page(page.image[y : y + h, x : x + w], boxes[shows], states)


def faded(page: Page, rng: np.random.Generator) -> Page:
    """A page [H,W] of 30 to 80 levels of grey, of whatever light, blurred and noisy as a scanner leaves it."""
    levels = rng.uniform(30, 80)
    dark = rng.uniform(10, 245 - levels)
    image = cv2.GaussianBlur(page.image, (0, 0), float(rng.uniform(0.4, 0.8)))
    image = (
        dark + levels * image.astype(np.float32) / 255 + rng.normal(0, levels * rng.uniform(0.01, 0.05), image.shape)
    )
    return Page(image.clip(0, 255).astype(np.uint8), page.boxes, page.states)


def shone_through(page: Page, back: Page, rng: np.random.Generator) -> Page:
    """A page [H,W] on thin paper on whose back another is printed: mirrored, soft, with 5 to 20% of its contrast."""
    h, w = page.image.shape
    behind = cv2.resize(back.image[:, ::-1], (w, h), interpolation=cv2.INTER_AREA)
    behind = cv2.GaussianBlur(behind, (0, 0), float(rng.uniform(0.8, 2)) * max(h, w) / 2200).astype(np.float32)
    image = page.image * (1 - rng.uniform(0.05, 0.2) * (1 - behind / 255))
    return Page(image.astype(np.uint8), page.boxes, page.states)


def photographed(page: Page, rng: np.random.Generator, screen: bool) -> Page:
    """A page [H,W] as a phone sees it: from an angle, with what is around it, in uneven light, a little blurred, as JPEG.

    On a desk, or on a screen, whose dots beat with the camera's.  2,400 px long at least.
    """
    h, w = page.image.shape
    scale = 2400 / max(h, w)
    size = np.array([w, h]) * scale * rng.uniform(1.03, 1.25)
    width, height = size.round().astype(int).tolist()
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float64)
    x, y, z = np.deg2rad(rng.normal(0, (9, 9, 2.5)))
    turn = [
        [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]],
        [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]],
        [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]],
    ]
    flat = np.c_[(corners - [w / 2, h / 2]) * scale, np.zeros(4)] @ (np.array(turn[2]) @ turn[1] @ turn[0]).T
    away = 2.2 * 2400.0  # the camera's distance, in the same pixels
    there = flat[:, :2] * (away / (away + flat[:, 2:])) + size / 2
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), there.astype(np.float32))
    shown = cv2.warpPerspective(page.image, matrix, (width, height), flags=cv2.INTER_AREA).astype(np.float32)
    on_it = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, (width, height))
    grain = cv2.resize(
        rng.normal(0, 1, (height // 3, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    desk = rng.uniform(15, 60) if screen else rng.uniform(40, 190) + grain * rng.uniform(2, 12)
    picture = on_it * (shown * rng.uniform(0.7, 0.95) + rng.uniform(0, 15)) + (1 - on_it) * desk
    down, right = np.mgrid[:height, :width].astype(np.float32)
    if screen:
        for way in rng.uniform(0, np.pi) + np.array([0, np.pi / 2]):
            wave = np.sin((np.cos(way) * right + np.sin(way) * down) * 2 * np.pi / rng.uniform(3, 15))
            picture *= (1 - rng.uniform(0.02, 0.15) * (0.5 + 0.5 * wave)).astype(np.float32)
    way = rng.uniform(0, 2 * np.pi)
    slope = np.cos(way) * (right / width - 0.5) + np.sin(way) * (down / height - 0.5)
    picture *= (1 - rng.uniform(0.05, 0.4) * (0.5 + slope)).astype(np.float32)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 1.3))))
    picture += rng.normal(0, rng.uniform(1, 5), picture.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(60, 92))]
    data = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8), quality)[1]
    b = page.boxes.astype(np.float64)
    quads = np.stack([b[:, [0, 1]], b[:, [2, 1]], b[:, [2, 3]], b[:, [0, 3]]], 1).reshape(-1, 1, 2)
    seen = np.asarray(cv2.perspectiveTransform(quads, matrix)).reshape(-1, 4, 2) if len(b) else np.zeros((0, 4, 2))
    boxes = np.concatenate([seen.min(1), seen.max(1)], 1).astype(np.float32)
    return Page(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8), boxes, page.states)


# ---- the sets ------------------------------------------------------------------------------------------------------


def build(folder: Path, root: Path | None) -> None:
    """Render and draw the sets that are not on disk yet."""

    def place(name: str) -> Path:
        (folder / name).mkdir(parents=True, exist_ok=True)
        return folder / name

    if not (folder / "drawn").exists():
        for i in range(DRAWN):
            rng = np.random.default_rng(EVAL_SEED + i)
            page = degrade(draw_page(rng), rng)
            save(Page(to_grey(page.image), page.boxes, page.states), place("drawn"), f"{i:04d}")
    if not (folder / "other").exists():
        for i in range(DRAWN):
            page = draw_alt_page(np.random.default_rng(EVAL_SEED + i))
            save(Page(to_grey(page.image), page.boxes, page.states), place("other"), f"{i:04d}")
    if not (folder / "styles").exists():
        for number, kind in enumerate(BOX_KINDS):
            for i in range(STYLED):
                rng = np.random.default_rng([EVAL_SEED + i, number])
                save(styled_page(kind, rng, book(1)), place("styles"), f"{kind}_{i:02d}")
    kits = HERE / "work" / "kits"
    for name, count in (("web", WEB), ("large", LARGE)):
        if (folder / name).exists():
            continue
        if browser_pages.ready(kits):
            browser_pages.write(place(name), kits, count, seed=1, held_out=True, large=name == "large")
        else:
            print(browser_pages.MISSING)
    if root is None:
        print(corpus.ABSENT)
        return
    if not (folder / "accident").exists():
        for scan in labelled(root / "images" / "accident_statement"):
            save(scan.page(), place("accident"), scan.path.stem)
    if not (folder / "clean200").exists():
        kept = [e for e in corpus.entries(root) if corpus.held_out_set(e.source) is not None]
        for i, form in enumerate(corpus.forms(kept)):
            rng = np.random.default_rng(i)
            source = corpus.held_out_set(form.entry.source)
            name = f"{source}_{form.entry.path.stem[-40:]}_{form.entry.index:02d}"
            some = rng.random(len(form.boxes)) < 0.5
            none = np.zeros(len(form.boxes), bool)
            side = max(form.width, form.height) / 72
            save(form.page(round(200 * side), some), place("clean200"), name)
            save(poor_scan(form.page(round(200 * side), some), rng), place("poor"), name)
            save(mark(form.page(round(200 * side), none), 0.4, rng), place("pen"), name)
            if i % 2 == 0:
                save(form.page(round(100 * side), some), place("clean100"), name)
            if i % 4 == 1:
                save(form.page(round(300 * side), some), place("clean300"), name)
    if not (folder / "turned").exists():
        for i, scan in enumerate(labelled(folder / "pen")):
            save(aslant(scan.page(), np.random.default_rng(i)), place("turned"), scan.path.stem)
    if not (folder / "askew").exists():
        for i, scan in enumerate(labelled(folder / "accident")):
            page, rng = scan.page(), np.random.default_rng(i)
            for way in (-1, 1):
                askew = turned_by(page, way * float(rng.uniform(0.5, 4)), 255)
                save(askew, place("askew"), f"{scan.path.stem}_{'+' if way > 0 else '-'}")
    if not (folder / "small").exists():
        for source, step in PIECES_OF.items():
            for i, whole in enumerate(labelled(folder / source)[::step]):
                rng = np.random.default_rng(i)
                page = whole.page()
                real = page.boxes[page.states != IGNORE]
                one = [("with", rng.permutation(real)[0])] if len(real) else []
                for name, box in [*one, ("without", None)]:
                    part = piece(page, rng, box)
                    if part is not None:
                        save(part, place("small"), f"{source}_{whole.path.stem[:40]}_{name}")
    for name in ("faded", "through", "photo"):
        if (folder / name).exists():
            continue
        for source, step in WORN_OF.items():
            pages = labelled(folder / source)[::step]
            for i, whole in enumerate(pages):
                page, rng = whole.page(), np.random.default_rng(i)
                if name == "faded":
                    worn = faded(page, rng)
                elif name == "through":
                    worn = shone_through(page, pages[(i + 1) % len(pages)].page(), rng)
                else:
                    worn = photographed(page, rng, screen=i % 2 == 1)
                save(worn, place(name), f"{source}_{whole.path.stem}")
