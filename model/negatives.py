"""Real pages without any checkbox: manuals, schematics, music, maps, photographs, clip-art, sheets of icons.

    python -m model.negatives --count 1700
    python -m model.negatives --count 200 --folder ~/pictures

`negatives.txt` names Debian packages (release 12) and, in each, the files that show real checkboxes and are left out.  The
packages are fetched with `apt-get download` and unpacked into model/work/negatives; nothing is installed and root is not
needed.  With --folder the pictures are those of a folder of one's own, which must not show a checkbox.

Each page is grey, at about the network's scale, half of them degraded.  Closed square outlines of a checkbox's size are
ignored, as in corpus.py: whether a drawing's square is meant to be marked nobody can tell.  In packages marked `sure`
(chess, music, flags, ...) they are background.  The network then looks at the page.  What it finds is ignored as well if it
has a frame (`framed`), else it is a mistake: the page is kept and the place written to NAME.hard.npy (see mine.py).  Of the
pages without a mistake, QUIET are kept.

SOURCES.csv in the folder says which files each page was made of.  Look at `model.errors --sets model/work/pages --only
negatives`, add what is a real checkbox to `negatives.txt` and start again: pages made of files now left out are deleted.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image

from model.corpus import square_outlines
from model.degrade import degrade
from model.detect import Networks, detect, iou, networks, settings
from model.draw import LONG_SIDE, MAX_ASPECT, to_scale
from model.mine import CONF
from model.page import IGNORE, Page, pages_in, remove, save

HERE = Path(__file__).parent
LIST = HERE / "negatives.txt"
SOURCES = "SOURCES.csv"

PDFS = (".pdf", ".pdf.gz")
VECTORS = (".svg", ".svgz")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".xpm", ".webp", ".ppm")
KINDS = PDFS + VECTORS + PICTURES

MOST = 60  # pages of one package, so that none sets the tone
QUIET = 0.3  # of the pages on which the network finds nothing
SCALES = (0.95, 1.25)  # times LONG_SIDE
DEGRADED = 0.5
OUTLINE = (8.0, 90.0)  # px at LONG_SIDE: inner sides of squares that could be checkboxes
SMALL = 260  # px; smaller pictures are shown many to a sheet
SHEET = 0.25  # of the larger drawings are shown so as well
ICONS = (16, 22, 24, 32, 48, 64, 96, 128)  # px: sizes in which desktops show them
PER_SHEET = 90  # different files on a sheet; larger sheets show them again
FRAME, FRAMED = 0.12, 0.8  # of a side: how far from it a frame may lie, and how much of it must be there
CONTRAST = 20.0  # grey levels by which ink differs from paper
FLAT = 8.0  # grey levels: a page that varies less holds nothing
LONGEST = 4.0  # times as long as wide: longer pictures are banners and strips
SAME = 0.3  # IoU from which a detection is an ignored outline
TRIES = 400  # files in a row that give no page before a package counts as used up

Grey = NDArray[np.uint8]
Rng = np.random.Generator


# ---- the list ------------------------------------------------------------------------------------------------------


@dataclass
class Package:
    """One line of the list and the indented ones below it.

    sure: square outlines are background too.  left_out, only: patterns (fnmatch) of files; of a PDF also FILE#PAGE,
    counted from 1.
    """

    name: str
    group: str = ""
    sure: bool = False
    most: int = MOST
    left_out: list[str] = field(default_factory=list)
    only: list[str] = field(default_factory=list)

    def takes(self, item: str) -> bool:
        """Whether a file, or a PDF's page, may be shown; of a PDF both its own name and FILE#PAGE are looked at."""
        names = {item, item.rsplit("#", 1)[0]}
        if any(any_of(tuple(self.left_out)).match(n) for n in names):
            return False
        return not self.only or any(any_of(tuple(self.only)).match(n) for n in names)


@lru_cache
def any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for several fnmatch patterns, because icon themes hold tens of thousands of files; () matches none."""
    return re.compile("|".join(translate(p) for p in patterns) or r"(?!)")


def read_list(text: str) -> list[Package]:
    """The packages of a list, whose form negatives.txt describes.  ValueError names a line that cannot be read."""
    packages: list[Package] = []
    group, everywhere = "", []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(^|\s)#.*", "", line).split()  # a # within a word counts a PDF's pages
        if not words:
            continue
        if words[0] in ("-", "+"):
            if len(words) != 2:
                raise ValueError(f"line {number}: one pattern after {words[0]}: {line}")
            if line[0].isspace() and packages:
                (packages[-1].left_out if words[0] == "-" else packages[-1].only).append(words[1])
            elif words[0] == "-":
                everywhere.append(words[1])
            else:
                raise ValueError(f"line {number}: + belongs below a package: {line}")
        elif words[0].startswith("["):
            group = line.strip(" []")
        else:
            package = Package(words[0], group)
            for word in words[1:]:
                if word == "sure":
                    package.sure = True
                elif word.startswith("most=") and word[5:].isdigit():
                    package.most = int(word[5:])
                else:
                    raise ValueError(f"line {number}: {word} is neither `sure` nor `most=NUMBER`")
            packages.append(package)
    for package in packages:
        package.left_out += everywhere
    return packages


def fetch(name: str, work: Path) -> Path | None:
    """Download and unpack a Debian package, pictures and PDFs only; its folder, or None where apt does not know it."""
    folder = work / name
    if folder.exists():
        return folder
    work.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(["apt-get", "download", "-q", name], cwd=work, capture_output=True, text=True)
    archives = list(work.glob(f"{name}_*.deb"))
    if got.returncode or not archives:
        print(f"{name}: left out, apt-get download says: {got.stderr.strip()}", file=sys.stderr)
        return None
    part = work / f"{name}.part"
    subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(part)], check=True)
    for path in part.rglob("*"):
        if path.is_symlink() or (path.is_file() and not path.name.lower().endswith(KINDS)):
            path.unlink()
    archives[0].unlink()
    part.rename(folder)
    return folder


# ---- pictures ------------------------------------------------------------------------------------------------------


def flatten(image: Image.Image, ground: int) -> Grey:
    """Grey [H,W] of a picture on a ground of that shade, which shows where the picture is transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        under = Image.new("RGBA", image.size, (ground, ground, ground, 255))
        image = Image.alpha_composite(under, image)
    return np.asarray(image.convert("L"))


def open_picture(path: Path, side: int) -> Image.Image:
    """A picture file; an SVG is drawn with its long side at `side` pixels.  ValueError or OSError if it cannot be read."""
    if not path.name.lower().endswith(VECTORS):
        image = Image.open(path)
        image.draft(None, (side, side))
        image.load()
        return image
    import resvg_py  # here, because nothing but pages made of SVG needs it

    width, height = svg_size(path)
    try:
        png = resvg_py.svg_to_bytes(
            svg_path=str(path),
            width=side if width >= height else None,
            height=None if width >= height else side,
            skip_system_fonts=side <= max(ICONS),  # they take a while to load, and icons hold no text
        )
    except Exception as error:  # a Rust binding: what it raises is not documented
        raise ValueError(f"{path}: {error}") from error
    return Image.open(io.BytesIO(bytes(png)))


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture that is no SVG, from the beginning of the file."""
    with Image.open(path) as image:
        return image.size


def svg_size(path: Path) -> tuple[float, float]:
    """Width and height that an SVG gives itself, in pixels (other units count as such).  ValueError if it is none."""
    try:
        with gzip.open(path) if path.suffix == ".svgz" else open(path, "rb") as f:
            root = next(element for _, element in ElementTree.iterparse(f, ("start",)))
    except (ElementTree.ParseError, StopIteration) as error:
        raise ValueError(f"{path}: {error}") from error
    numbers = [re.match(r"[\d.]+(?!.*%)", root.get(k, "")) for k in ("width", "height")]
    if numbers[0] and numbers[1]:
        return float(numbers[0][0]), float(numbers[1][0])
    box = root.get("viewBox", "").replace(",", " ").split()
    return (float(box[2]), float(box[3])) if len(box) == 4 else (100.0, 100.0)


def open_pdf(path: Path) -> pdfium.PdfDocument:
    """A PDF, also one compressed by gzip as in Debian's documentation."""
    return pdfium.PdfDocument(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path)


def pdf_page(document: pdfium.PdfDocument, index: int, factor: float) -> Grey:
    """Grey [H,W] of one page, at the pipeline's scale times `factor`."""
    page = document[index]
    width, height = page.get_size()
    long_side = min(max(width, height), MAX_ASPECT * min(width, height))
    bitmap = page.render(scale=LONG_SIDE * factor / long_side, grayscale=True).to_numpy()
    return np.array(bitmap[..., 0] if bitmap.ndim == 3 else bitmap)


def sheet(icons: list[Image.Image], rng: Rng) -> Grey:
    """Grey [H,W]: icons in rows and columns as in a file manager or an overview, all at one size.

    On a dark ground, dark icons are shown inverted, as desktops do with symbolic ones.
    """
    side = int(rng.choice(ICONS))
    pitch = round(side * rng.uniform(1.15, 2.4)), round(side * rng.uniform(1.15, 2.4))
    long_side = int(np.clip(side * rng.uniform(9, 34), 420, 1400))
    short = int(long_side / rng.uniform(1.0, MAX_ASPECT))
    width, height = (long_side, short) if rng.random() < 0.6 else (short, long_side)
    ground = int(rng.choice([255, 255, 255, 245, 225, 128, 60, 35, 0]))
    page = np.full((height, width), ground, np.uint8)
    order = rng.permutation(len(icons))
    places = [
        (x, y) for y in range(side // 4, height - side, pitch[1]) for x in range(side // 4, width - side, pitch[0])
    ]
    for k, (x, y) in enumerate(places):
        icon = icons[int(order[k % len(order)])].convert("RGBA")
        icon.thumbnail((side, side), Image.Resampling.BILINEAR)
        rgba = np.asarray(icon)
        alpha = rgba[..., 3].astype(np.float32) / 255
        grey = np.asarray(icon.convert("L"), np.float32)
        if ground < 100 and alpha.any() and np.average(grey, weights=alpha) < 100:
            grey = 255 - grey
        h, w = grey.shape
        top, left = y + (side - h) // 2, x + (side - w) // 2
        part = page[top : top + h, left : left + w]
        page[top : top + h, left : left + w] = (part * (1 - alpha) + grey * alpha).astype(np.uint8)
    return page


# ---- pages ---------------------------------------------------------------------------------------------------------


@dataclass
class Drawn:
    """A page's picture [H,W] and the files, or pages of files, that it was made of, named relative to their folder."""

    image: Grey
    items: list[str]


class Source:
    """A folder of files of which pages are made at random, none from the same page or picture twice."""

    def __init__(self, folder: Path, package: Package) -> None:
        self.folder, self.package = folder, package
        found = (os.path.relpath(os.path.join(at, n), folder) for at, _, names in os.walk(folder) for n in names)
        self.files = sorted(f for f in found if f.lower().endswith(KINDS) and package.takes(f))
        self.used: set[str] = set()
        self.made = 0

    def icons(self, rng: Rng) -> Drawn | None:
        """A sheet of pictures of one folder and its neighbours, so that sizes and styles belong together."""
        pictures = [f for f in self.files if not f.lower().endswith(PDFS)]
        at = os.path.dirname(pictures[int(rng.integers(len(pictures)))])
        near = [f for f in pictures if os.path.dirname(f) == at]
        if len(near) < 40:
            near = pictures
        images: list[Image.Image] = []
        items: list[str] = []
        for k in rng.permutation(len(near))[:PER_SHEET]:
            try:
                image = open_picture(self.folder / near[int(k)], max(ICONS))
            except (OSError, ValueError):
                continue
            if max(image.size) > SMALL:  # a photograph or a screenshot: made as small as an icon it is a grey square
                continue
            images.append(image)
            items.append(near[int(k)])
        return Drawn(sheet(images, rng), items) if len(images) >= 6 else None

    def one(self, rng: Rng, factor: float) -> Drawn | None:
        """A page made of a file picked at random, or None if that file gives none."""
        if not self.files:
            return None
        name = self.files[int(rng.integers(len(self.files)))]
        path = self.folder / name
        try:
            if name.lower().endswith(PDFS):
                document = open_pdf(path)
                index = int(rng.integers(len(document)))
                item = f"{name}#{index + 1}"
                if item in self.used or not self.package.takes(item):
                    return None
                self.used.add(item)
                return Drawn(pdf_page(document, index, factor), [item])
            vector = name.lower().endswith(VECTORS)
            size = svg_size(path) if vector else picture_size(path)
            if max(size) < SMALL or (vector and rng.random() < SHEET):
                return self.icons(rng)
            if name in self.used or max(size) > LONGEST * min(size):
                return None
            self.used.add(name)
            image = open_picture(path, round(LONG_SIDE * factor))
            return Drawn(flatten(image, 255 if rng.random() < 0.7 else int(rng.integers(256))), [name])
        except (OSError, ValueError, pdfium.PdfiumError, Image.DecompressionBombError):
            return None

    def next(self, rng: Rng, factor: float) -> Drawn | None:
        """The next page that holds anything, or None when this source is used up."""
        if self.made >= self.package.most:
            return None
        for _ in range(TRIES):
            drawn = self.one(rng, factor)
            if drawn is not None and drawn.image.std() >= FLAT and min(drawn.image.shape) >= 64:
                return drawn
        return None


def square_places(image: Grey, factor: float) -> NDArray[np.float32]:
    """Closed square outlines [n,4] of a checkbox's size, dark on light and light on dark, on a page at `factor`."""
    lo, hi = (v * factor for v in OUTLINE)
    found = square_outlines(image, lo, hi) + square_outlines(255 - image, lo, hi)
    return np.array(found, np.float32).reshape(-1, 4)


def finish(image: Grey, sure: bool, factor: float, rng: Rng) -> Page:
    """The page at the network's scale times `factor`, square outlines ignored unless `sure`, half of them degraded."""
    page = to_scale(Page(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int8)), factor)
    if not sure:
        page.boxes = square_places(page.image, factor)
        page.states = np.full(len(page.boxes), IGNORE, np.int8)
    if rng.random() < DEGRADED:
        page = to_scale(degrade(page, rng), factor)
    return page


def framed(grey: Grey, box: NDArray[np.float32]) -> bool:
    """Whether what is at box [4] of a page [H,W] has the frame of a checkbox, or is a square of another shade.

    A frame: over most of each side there is something of another shade than the middle and the surroundings; of a letter
    or a circle at least one side lacks it.  A square: over most of each side there is one shade just inside and another
    just outside; what it shows in the middle does not matter, for it may be a tick.
    """
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    edge = max(2, round(FRAME * min(x2 - x1, y2 - y1)))
    height, width = grey.shape
    if min(x2 - x1, y2 - y1) < 6 * edge or x1 < edge or y1 < edge or x2 > width - edge or y2 > height - edge:
        return True  # too small, or cut by the edge of the page: nobody can tell
    part = grey[y1 - edge : y2 + edge, x1 - edge : x2 + edge].astype(np.float32)

    def shade(depth: int) -> float:
        """The usual grey of the square ring that far from the outside."""
        inner = part[depth : part.shape[0] - depth, depth : part.shape[1] - depth]
        return float(np.median(np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])))

    def over_all_sides(there: NDArray[np.bool_], first: int, last: int) -> bool:
        """Whether it is there over most of each side, at any depth from `first` to `last` counted from the outside."""
        strips = (side[first:last, edge:-edge] for side in (there, there[::-1], there.T, there.T[::-1]))
        return all(float(strip.any(0).mean()) >= FRAMED for strip in strips)

    middle = float(np.median(part[2 * edge : -2 * edge, 2 * edge : -2 * edge]))
    line = (np.abs(part - middle) > CONTRAST) & (np.abs(part - shade(0)) > CONTRAST)
    from_rim = np.abs(part - shade(2 * edge - 1))
    return over_all_sides(line, 0, 2 * edge) or (
        over_all_sides(from_rim < CONTRAST, edge, 2 * edge) and over_all_sides(from_rim > CONTRAST, 0, edge)
    )


def prune(folder: Path, packages: list[Package]) -> int:
    """Delete the pages made of files that the list now leaves out; returns how many."""
    table = folder / SOURCES
    if not table.exists():
        return 0
    known = {p.name: p for p in packages}
    deleted = 0
    with open(table, newline="") as f:
        for name, package, _, _, items in csv.reader(f):
            picture = folder / f"{name}.npy"
            kept = package not in known or all(known[package].takes(i) for i in items.split("|"))
            if not kept and picture.exists():
                remove(picture)
                deleted += 1
    return deleted


def sort_out(page: Page, sure: bool, run: Networks, numbers: dict[str, Any]) -> NDArray[np.float32]:
    """Centres [m,2] of what the network takes for a checkbox by mistake; what could be one is added to the page, ignored."""
    found = detect(page.image, run, numbers, CONF).boxes
    if not sure:
        doubtful = np.array([framed(page.image, b) for b in found], bool)
        if len(page.boxes):
            doubtful |= (iou(found, page.boxes) > SAME).any(1)
        page.boxes = np.concatenate([page.boxes, found[doubtful]])
        page.states = np.full(len(page.boxes), IGNORE, np.int8)
        found = found[~doubtful]
    return ((found[:, :2] + found[:, 2:]) / 2).astype(np.float32)


def make(sources: list[Source], run: Networks, folder: Path, count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Write pages until the folder holds `count` of this seed or the sources are used up; yields name and mistakes of each."""
    numbers = settings()
    rng = np.random.default_rng(seed)
    sources = list(sources)
    with open(folder / SOURCES, "a", newline="") as f:
        table = csv.writer(f)
        while count and sources:
            source = sources[int(rng.integers(len(sources)))]
            factor = float(rng.uniform(*SCALES))
            drawn = source.next(rng, factor)
            if drawn is None:
                sources.remove(source)
                continue
            page = finish(drawn.image, source.package.sure, factor, rng)
            wrong = sort_out(page, source.package.sure, run, numbers)
            if not len(wrong) and rng.random() > QUIET:
                continue
            name = f"{source.package.name}_{seed:03d}_{source.made:03d}"
            save(page, folder, name)
            if len(wrong):
                np.save(folder / f"{name}.hard.npy", wrong)
            table.writerow([name, source.package.name, len(wrong), len(page.boxes), "|".join(drawn.items)])
            f.flush()
            source.made += 1
            count -= 1
            yield name, len(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write real pages without any checkbox for training.")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--list", type=Path, default=LIST, help="Debian packages and what to leave out of them")
    parser.add_argument("--folder", type=Path, action="append", help="a folder instead of the list; may be repeated")
    parser.add_argument("--only", help="names of packages, separated by commas")
    parser.add_argument("--networks", type=Path, default=HERE, help="folder of finder.onnx, verifier.onnx")
    parser.add_argument("--work", type=Path, default=HERE / "work" / "negatives")
    parser.add_argument("--out", type=Path, default=HERE / "work" / "pages" / "negatives")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.folder:
        sources = [Source(f, Package(f.resolve().name)) for f in args.folder]
    else:
        packages = read_list(args.list.read_text())
        print(f"{prune(args.out, packages)} pages deleted that the list now leaves out")
        if args.only:
            packages = [p for p in packages if p.name in args.only.split(",")]
        folders = [(fetch(p.name, args.work), p) for p in packages]
        sources = [Source(folder, p) for folder, p in folders if folder is not None]
    pages = wrong = 0
    for _, mistakes in make(sources, networks(args.networks), args.out, args.count, args.seed):
        pages, wrong = pages + 1, wrong + (mistakes > 0)
        if pages % 100 == 0:
            print(f"{pages} pages, {wrong} of them with mistakes of the network", flush=True)
    print(f"{pages} pages, {wrong} of them with mistakes of the network; {len(pages_in(args.out))} in {args.out}")


if __name__ == "__main__":
    main()
