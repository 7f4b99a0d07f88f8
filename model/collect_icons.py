"""Collects the icons of desktops and programs out of Debian's icon themes, for the screens that `model.draw` draws.

    python -m model.collect_icons --count 9000

The themes are those of negatives.txt under GROUP; what is left out there, because it depicts a checkbox, is left out here, and
so are plain squares and the ticks and crosses of dialogs (ALIKE): on a screen they could be mistaken for one by anybody.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model.icons import SIDE, STOCK
from model.negatives import LIST, PDFS, SMALL, Source, any_of, fetch, open_picture, read_list

HERE = Path(__file__).parent
GROUP = "icons, on sheets"
ALIKE = tuple(
    f"*{word}*"
    for word in [
        "stop",
        "maximi",
        "square",
        "rectangle",
        "box",
        "screen",
        "restore",
        "apply",
        "accept",
        "yes",
        "ok",
        "default",
        "done",
        "complete",
        "valid",
        "mark",
        "color",
        "colour",
        "fill",
        "blank",
    ]
)
LEAST = 0.06  # share of an icon's square that it must cover

Rng = np.random.Generator


def icons_of(source: Source, count: int, rng: Rng) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Grey and cover of at most `count` icons of a theme, picked at random."""
    alike = any_of(ALIKE)
    names = [f for f in source.files if not f.lower().endswith(PDFS) and not alike.match(Path(f).name.lower())]
    found: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    for k in rng.permutation(len(names)):
        if len(found) >= count:
            break
        try:
            picture = open_picture(source.folder / names[int(k)], SIDE).convert("RGBA")
        except (OSError, ValueError):
            continue
        w, h = picture.size
        if max(w, h) > SMALL or w != h or w < 12:
            continue
        rgba = cv2.resize(np.asarray(picture), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        cover = np.asarray(rgba[..., 3], np.uint8)
        if cover.mean() >= 255 * LEAST:
            found.append((np.asarray(cv2.cvtColor(rgba[..., :3], cv2.COLOR_RGB2GRAY), np.uint8), cover))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Collect icons for the screens that model.draw draws.")
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--list", type=Path, default=LIST, help="Debian packages and what to leave out of them")
    parser.add_argument("--work", type=Path, default=HERE / "work" / "negatives")
    parser.add_argument("--out", type=Path, default=STOCK)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(args.seed)
    packages = [p for p in read_list(args.list.read_text()) if p.group == GROUP]
    found = []
    for package in packages:
        folder = fetch(package.name, args.work)
        if folder is not None:
            some = icons_of(Source(folder, package), args.count // len(packages), rng)
            print(f"{package.name}: {len(some)} icons", flush=True)
            found += some
    grey, cover = (np.stack(part) for part in zip(*found, strict=True))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("wb") as file:
        np.savez(file, grey=grey, cover=cover)


if __name__ == "__main__":
    main()
