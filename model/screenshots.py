"""Real screenshots of desktop programs and of web applications with labels made by eye: some for training, others for the
evaluation's sets `desktop`, `programs`, `applications`, `packages`, `crates` and `interfaces`.

    python -m model.screenshots

screenshots.csv lists pictures out of Debian packages (release 12), mostly of manuals, out of Python packages on PyPI, mostly of web
applications (`pypi:name==version`, the file as it is called in the source archive), out of packages on npm (`npm:name@version`) and
of crates.io (`crate:name@version`), and the checkboxes on them, a line each; a picture without any has one line without a state.
Those of `programs` were picked at random, five a package, and looked at one by one.  All others are pictures on which the network of
the day (0.8.0, 0.9.0, for PyPI 0.10.0, 0.11.0 and 0.20.0, for npm 0.11.0, 0.13.0 and 0.15.0, for crates.io 0.13.0) took something for a checkbox.  Its
boxes were looked at: for `desktop` one by one and down to a confidence of 0.05, on seven pictures a package picked at random; for
`applications` so, too, on pictures picked at random, for `packages`, at most two of a package, photographs and drawings among them,
for `crates`, at most three, and for `interfaces`, likewise, down to 0.15; for training in groups of boxes that look alike, down to 0.3, those of
0.15.0 and 0.20.0 picture by picture, down to 0.15.  Edges are as that network drew them, so that IoU says little here.  `ambiguous`, and
ignored, are the ticks of menus, brackets in terminals, what is too small, too faint or too much cut off to tell, and, but for training,
squares in palettes of colours.  The labels for training were put right after 0.23.0, since groups that look alike had held both: where that
network and a label disagree, down to 0.1, and of every kind of box labelled, one of those of a package that look alike was looked at.

Which is for what goes by package: those in held_out.csv are kept from training, and so is all of crates.io, a source that nothing is
trained on.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from model.browser_pages import fetch_package
from model.draw import STORED, to_scale
from model.negatives import fetch, flatten, open_picture
from model.page import EMPTY, FILLED, IGNORE, Page, save
from model.sets import SETS

HERE = Path(__file__).parent
LIST, HELD_OUT_LIST = HERE / "screenshots.csv", HERE / "held_out.csv"
PYPI, NPM, CRATE = (
    "pypi:",
    "npm:",
    "crate:",
)  # what the names of Python packages, of those on npm and of crates begin with
CRATES_SET = "crates"  # the set that all of crates.io's are for
SIMPLE = "application/vnd.pypi.simple.v1+json"  # the form of PyPI's list of a package's files (PEP 691)
STATES = {"unchecked": EMPTY, "checked": FILLED, "ambiguous": IGNORE}
SIDE = 1800  # px; none is larger
PICTURES = (".png", ".jpg", ".jpeg")

Labels = list[tuple[list[float], int]]  # of one picture: edges x1, y1, x2, y2 in its pixels, and state


def read_list(path: Path = LIST) -> dict[tuple[str, str], Labels]:
    """The labels of each picture, by package and file."""
    pictures: dict[tuple[str, str], Labels] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            labels = pictures.setdefault((row["package"], row["file"]), [])
            if row["state"]:
                labels.append(([float(row[k]) for k in ("x1", "y1", "x2", "y2")], STATES[row["state"]]))
    return pictures


@cache
def held_out_packages() -> dict[str, str]:
    """The set that each of the packages kept from training is for, without crates.io's."""
    with HELD_OUT_LIST.open(newline="") as file:
        return {row["package"]: row["set"] for row in csv.DictReader(file)}


def versionless(package: str) -> str:
    """A package's name as held_out.csv has it: `pypi:name`, `npm:@scope/name`, Debian's as it is."""
    return package.rpartition("@")[0] if package.startswith((NPM, CRATE)) else package.partition("==")[0]


def held_out(package: str) -> str | None:
    """The set of the evaluation that a package is for, whatever its version, or None where it is for training."""
    return CRATES_SET if package.startswith(CRATE) else held_out_packages().get(versionless(package))


def fetch_any(package: str, debian: Path, python: Path, npm: Path, crates: Path) -> Path | None:
    """The folder of an unpacked package of any of the four sources, or None where it is not to be had."""
    if package.startswith(PYPI):
        name, _, version = package.removeprefix(PYPI).partition("==")
        return fetch_archive(name, version, source_archive, python)
    if package.startswith(CRATE):
        name, _, version = package.removeprefix(CRATE).partition("@")
        return fetch_archive(name, version, crate, crates)
    if not package.startswith(NPM):
        return fetch(package, debian)
    try:
        return fetch_package(package.removeprefix(NPM), npm)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"{package}: left out: {error!r}", file=sys.stderr)
        return None


def source_archive(project: str, version: str) -> tuple[str, str]:
    """The address of a Python package's source archive, and the sha256 that PyPI lists.  Raises StopIteration where there is none."""
    index = urllib.request.Request(f"https://pypi.org/simple/{project}/", headers={"Accept": SIMPLE})
    with urllib.request.urlopen(index) as answer:
        files = json.load(answer)["files"]
    source = next(file for file in files if file["filename"].endswith((f"-{version}.tar.gz", f"-{version}.zip")))
    return source["url"], source["hashes"]["sha256"]


def crate(name: str, version: str) -> tuple[str, str]:
    """The address of a crate, and the sha256 that the index of crates.io lists.  Raises StopIteration where there is none."""
    low = name.lower()  # https://doc.rust-lang.org/cargo/reference/registry-index.html#index-files
    folder = f"{low[:2]}/{low[2:4]}" if len(low) > 3 else f"3/{low[0]}" if len(low) == 3 else str(len(low))
    with urllib.request.urlopen(f"https://index.crates.io/{folder}/{low}") as answer:
        listed = map(json.loads, answer.read().splitlines())
        checksum = next(entry["cksum"] for entry in listed if entry["vers"] == version)
    return f"https://static.crates.io/crates/{name}/{name}-{version}.crate", checksum


def fetch_archive(name: str, version: str, find: Callable[[str, str], tuple[str, str]], work: Path) -> Path | None:
    """Download and unpack the archive that `find` finds, pictures only; its folder, or None where it is not to be had.  Nothing in it is
    run.  Raises ValueError where the archive is not the one that is listed."""
    package = f"{name}-{version}"
    folder = work / package
    if folder.exists():
        return folder
    try:
        url, checksum = find(name, version)
        with urllib.request.urlopen(url) as answer:
            data = answer.read()
    except (urllib.error.URLError, StopIteration) as error:
        print(f"{package}: left out, no archive: {error!r}", file=sys.stderr)
        return None
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(f"{package}: the archive is not the one that is listed")
    part = folder.with_name(folder.name + ".part")
    for picture, content in pictures_in(data):
        path = part / picture
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    part.mkdir(parents=True, exist_ok=True)
    part.rename(folder)
    return folder


def pictures_in(archive: bytes) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The pictures in a .zip or .tar.gz, by name; those whose names lead out of it are left out."""

    def wanted(name: str) -> bool:
        path = PurePosixPath(name)
        return path.suffix.lower() in PICTURES and not path.is_absolute() and ".." not in path.parts

    if zipfile.is_zipfile(io.BytesIO(archive)):
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            yield from ((PurePosixPath(name), file.read(name)) for name in file.namelist() if wanted(name))
        return
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() and wanted(member.name) else None
            if content is not None:
                yield PurePosixPath(member.name), content.read()


def page_of(picture: Path, labels: Labels) -> Page:
    """A picture file in grey, on white where it is transparent, with its labels."""
    boxes = np.array([edges for edges, _ in labels], np.float32).reshape(-1, 4)
    states = np.array([state for _, state in labels], np.int8)
    return Page(flatten(open_picture(picture, SIDE), 255), boxes, states)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetch the labelled screenshots of programs.")
    parser.add_argument("--work", type=Path, default=HERE / "work" / "negatives", help="where Debian's are unpacked")
    parser.add_argument("--python", type=Path, default=HERE / "work" / "pypi", help="where those of PyPI are")
    parser.add_argument("--npm", type=Path, default=HERE / "work" / "kits", help="where those of npm are")
    parser.add_argument("--crates", type=Path, default=HERE / "work" / "crates", help="where those of crates.io are")
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages" / "screenshots", help="for training")
    parser.add_argument("--sets", type=Path, default=SETS, help="for the evaluation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    written: dict[Path, int] = {}
    for number, ((package, name), labels) in enumerate(read_list().items()):
        folder = fetch_any(package, args.work, args.python, args.npm, args.crates)
        if folder is None or not (folder / name).exists():
            print(f"{package}: {name} is not to be had")
            continue
        page = page_of(folder / name, labels)
        if of_set := held_out(package):
            out = args.sets / of_set
        else:
            page, out = to_scale(page, float(rng.uniform(*STORED))), args.pages
        out.mkdir(parents=True, exist_ok=True)
        save(page, out, f"{number:04d}_{package.rpartition(':')[2].replace('/', '_')}")
        written[out] = written.get(out, 0) + 1
    print(", ".join(f"{count} pages in {out}" for out, count in written.items()))


if __name__ == "__main__":
    main()
