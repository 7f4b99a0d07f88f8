"""Real screenshots of desktop programs with labels made by eye: some for training, others for the evaluation's sets `desktop` and
`programs`.

    python -m model.screenshots

screenshots.csv lists pictures out of Debian packages (release 12), mostly of manuals, and the checkboxes on them, a line each; a
picture without any has one line without a state.  Those of `programs` were picked at random, five a package, and looked at one by
one.  All others are pictures on which the network of the day (0.8.0, then 0.9.0) took something for a checkbox.  Its boxes were
looked at: for `desktop` one by one and down to a confidence of 0.05, on seven pictures a package picked at random; for training in
groups of boxes that look alike, down to 0.3.  Edges are as that network drew them, so that IoU says little here.  `ambiguous`, and
ignored, are the ticks of menus, squares in palettes of colours and symbols, and what groups held of both.

Which is for what goes by package, HELD_OUT being kept from training.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

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
}
STATES = {"unchecked": EMPTY, "checked": FILLED, "ambiguous": IGNORE}
SIDE = 1800  # px; none is larger

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


def page_of(picture: Path, labels: Labels) -> Page:
    """A picture file in grey, on white where it is transparent, with its labels."""
    boxes = np.array([edges for edges, _ in labels], np.float32).reshape(-1, 4)
    states = np.array([state for _, state in labels], np.int8)
    return Page(flatten(open_picture(picture, SIDE), 255), boxes, states)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetch the labelled screenshots of desktop programs.")
    parser.add_argument("--work", type=Path, default=HERE / "work" / "negatives", help="where packages are unpacked")
    parser.add_argument("--pages", type=Path, default=HERE / "work" / "pages" / "screenshots", help="for training")
    parser.add_argument("--sets", type=Path, default=SETS, help="for the evaluation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    written: dict[Path, int] = {}
    for number, ((package, name), labels) in enumerate(read_list().items()):
        folder = fetch(package, args.work)
        if folder is None or not (folder / name).exists():
            print(f"{package}: {name} is not to be had")
            continue
        page = page_of(folder / name, labels)
        if package in HELD_OUT:
            out = args.sets / HELD_OUT[package]
        else:
            page, out = to_scale(page, float(rng.uniform(*STORED))), args.pages
        out.mkdir(parents=True, exist_ok=True)
        save(page, out, f"{number:04d}_{package}")
        written[out] = written.get(out, 0) + 1
    print(", ".join(f"{count} pages in {out}" for out, count in written.items()))


if __name__ == "__main__":
    main()
