"""Real screenshots of desktop programs with hand-made labels: the evaluation's set `desktop`.

    python -m model.screenshots

screenshots.csv lists pictures out of Debian packages (release 12), mostly manuals, and the checkboxes on them, a line each; a
picture without any has one line without a state.  They were picked at random, at most seven of a package, among those on which
network 0.8.0 saw anything with a confidence of 0.05, and each such place was looked at.  Boxes are as that network drew them,
so that IoU says little here.  `ambiguous` are the ticks of menus and squares in palettes of symbols.  None of these
files is for training.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from model.evaluate import SETS
from model.negatives import fetch, flatten, open_picture
from model.page import EMPTY, FILLED, IGNORE, Page, save

HERE = Path(__file__).parent
LIST = HERE / "screenshots.csv"
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
    parser = argparse.ArgumentParser(description="Fetch the evaluation's screenshots of desktop programs.")
    parser.add_argument("--work", type=Path, default=HERE / "work" / "negatives", help="where packages are unpacked")
    parser.add_argument("--out", type=Path, default=SETS / "desktop")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, ((package, name), labels) in enumerate(read_list().items()):
        folder = fetch(package, args.work)
        if folder is None or not (folder / name).exists():
            print(f"{package}: {name} is not to be had")
            continue
        save(page_of(folder / name, labels), args.out, f"{number:03d}_{package}")
        written += 1
    print(f"{written} pages in {args.out}")


if __name__ == "__main__":
    main()
