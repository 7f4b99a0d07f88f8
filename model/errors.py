"""Sheets of a network's errors, cut out and enlarged: look at them before changing the data or the network.

    python -m model.errors --only accident,clean200 --out model/work/errors

For each set of `model.evaluate` up to three PNGs: SET_missed (boxes not found), SET_false (found where there is none) and
SET_state (empty and filled taken for each other), the most confident errors first, missed ones at random.  The model card's
picture, the first of each, is made by

    python -m model.errors --only web,other,drawn --together model/failures.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model.detect import networks, settings
from model.evaluate import Tally, by_network, measure
from model.page import FILLED, IGNORE
from model.sets import SETS, Labelled

HERE = Path(__file__).parent
TILE = 176  # pixels of a cut-out on the sheet
COLUMNS, ROWS = 8, 6
EACH = 12  # tiles of each set and kind where all stand together
TITLES = {"missed": "missed", "false": "seen where there is none", "state": "in the wrong state"}
CONTEXT = 3.5  # a cut-out is this many times as wide as the box, and at least LEAST pixels
LEAST = 64.0

Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]


def cut_out(image: Grey, box: Floats, text: str) -> Grey:
    """The surroundings of a box [4] of a page [H,W] as a colour tile [TILE,TILE,3], the box marked at its corners."""
    side = max(float(max(box[2] - box[0], box[3] - box[1])) * CONTEXT, LEAST)
    cx, cy = float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2
    zoom = TILE / side
    matrix = np.array([[zoom, 0, TILE / 2 - cx * zoom], [0, zoom, TILE / 2 - cy * zoom]], np.float32)
    flags = cv2.INTER_LINEAR if zoom > 1 else cv2.INTER_AREA
    tile = cv2.cvtColor(
        cv2.warpAffine(image, matrix, (TILE, TILE), flags=flags, borderValue=(200,)), cv2.COLOR_GRAY2BGR
    )
    x1, y1, x2, y2 = (round(v) for v in ((np.reshape(box, (2, 2)) - (cx, cy)) * zoom + TILE / 2).ravel().tolist())
    for x, y in ((x1, y1), (x2, y1), (x1, y2), (x2, y2)):
        cv2.circle(tile, (x, y), 3, (0, 0, 255), -1)
    cv2.putText(tile, text, (3, TILE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (200, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def sheets(tally: Tally) -> dict[str, list[Grey]]:
    """Tiles of the set's errors by kind: missed, false, state."""
    ranked: dict[str, list[tuple[float, Labelled, Floats, str]]] = {"missed": [], "false": [], "state": []}
    rng = np.random.default_rng(0)
    for _, page, found, to, ignored in tally.worst:
        name = page.path.stem[:14]
        for i in np.flatnonzero(page.states != IGNORE):
            if i not in to:
                state = "filled" if page.states[i] == FILLED else "empty"
                ranked["missed"].append((float(rng.random()), page, page.boxes[i], f"{state} {name}"))
        for k, box in enumerate(found.boxes):
            confidence = float(found.confidence[k])
            if to[k] < 0 and not ignored[k]:
                ranked["false"].append((confidence, page, box, f"{confidence:.2f} {name}"))
            elif to[k] >= 0 and (found.state[k] > 0) != (page.states[to[k]] == FILLED):
                said = "filled" if found.state[k] > 0 else "empty"
                ranked["state"].append((abs(float(found.state[k])), page, box, f"said {said} {name}"))
    tiles: dict[str, list[Grey]] = {}
    for kind, errors in ranked.items():
        errors.sort(key=lambda e: -e[0])
        tiles[kind] = [cut_out(page.image(), box, text) for _, page, box, text in errors[: COLUMNS * ROWS]]
        print(f"  {kind}: {len(errors)}")
    return tiles


def sheet(tiles: list[Grey]) -> Grey:
    """Tiles in rows of COLUMNS."""
    rows = -(-len(tiles) // COLUMNS)
    blank = np.full((TILE, TILE, 3), 255, np.uint8)
    full = [*tiles, *[blank] * (rows * COLUMNS - len(tiles))]
    return np.vstack([np.hstack(full[r * COLUMNS : (r + 1) * COLUMNS]) for r in range(rows)])


def together(sets: dict[str, dict[str, list[Grey]]]) -> Grey:
    """One picture of the first tiles of each kind, by set and kind as `sheets` gives them; there must be one at least."""
    parts: list[Grey] = []
    for kind, title in TITLES.items():
        shown = {name: kinds[kind][:EACH] for name, kinds in sets.items() if kinds[kind]}
        if shown:
            bar = np.full((30, COLUMNS * TILE, 3), 255, np.uint8)
            text = f"{title}: {', '.join(shown)}"
            cv2.putText(bar, text, (4, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
            parts += [bar, sheet([tile for tiles in shown.values() for tile in tiles])]
    return np.vstack(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Sheets of a network's errors, cut out and enlarged.")
    parser.add_argument(
        "--networks", type=Path, default=HERE, help="folder of finder.onnx, verifier.onnx, checkbox.json"
    )
    parser.add_argument("--sets", type=Path, default=SETS)
    parser.add_argument("--only", help="names of sets, separated by commas")
    parser.add_argument("--limit", type=int, help="only the first pages of each set")
    parser.add_argument("--out", type=Path, default=HERE / "work" / "errors")
    parser.add_argument(
        "--together", type=Path, help="also one picture of the first of each set and kind, for the model card"
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    numbers = settings(args.networks / "checkbox.json")
    only = args.only.split(",") if args.only else None
    tallies = measure(args.sets, by_network(networks(args.networks), numbers), numbers["conf"], only, args.limit)
    sets: dict[str, dict[str, list[Grey]]] = {}
    for name, tally in tallies.items():
        if name.startswith(" "):  # a part of another set
            continue
        print(name)
        sets[name] = sheets(tally)
        for kind, tiles in sets[name].items():
            if tiles:
                cv2.imwrite(str(args.out / f"{name}_{kind}.png"), sheet(tiles))
    if args.together and any(tiles for kinds in sets.values() for tiles in kinds.values()):
        cv2.imwrite(str(args.together), together(sets), [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == "__main__":
    main()
