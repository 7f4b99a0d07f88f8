"""Icons on drawn screens: how they are collected, how they are painted, and that no page counts one as a box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import icons
from model.canvas import Canvas
from model.collect_icons import icons_of
from model.icons import SIDE, Stock
from model.negatives import Package, Source
from model.pages import draw_page


def blot(shade: int) -> Stock:
    """One icon: a disc of that shade."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5
    cover = np.where(x * x + y * y < (SIDE / 2.5) ** 2, 255, 0).astype(np.uint8)
    return Stock(np.full((1, SIDE, SIDE), shade, np.uint8), cover[None])


@pytest.mark.parametrize(("shade", "paper", "seen"), [(0, 255, 0), (0, 20, 255), (200, 20, 200), (200, 255, 200)])
def test_an_icon_shows_on_its_ground_and_a_dark_one_is_inverted_on_a_dark_one(
    shade: int, paper: int, seen: int
) -> None:
    canvas = Canvas(60, 40, paper)
    icons.put(canvas, blot(shade), 10, 5, 24, np.random.default_rng(0))
    assert canvas.image[17, 22] == seen
    rest = canvas.image.copy()
    rest[5:29, 10:34] = paper
    assert (rest == paper).all()


def test_an_icon_may_lie_across_the_edge() -> None:
    canvas = Canvas(20, 20)
    icons.put(canvas, blot(0), -12, 8, 24, np.random.default_rng(0))
    assert canvas.image[19, 0] == 0
    assert canvas.image[0, 19] == 255


def test_screens_with_icons_keep_their_boxes_apart_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    without = [draw_page(np.random.default_rng(seed), screens=1.0) for seed in range(6)]
    monkeypatch.setattr(icons, "stock", lambda: blot(128))
    painted: list[tuple[int, float, float]] = []
    put = icons.put

    def watched(canvas: Canvas, of: Stock, x: float, y: float, side: float, rng: np.random.Generator) -> None:
        painted.append((canvas.image.shape[1], x + side / 2, y + side / 2))
        put(canvas, of, x, y, side, rng)

    monkeypatch.setattr(icons, "put", watched)
    boxes = 0
    for seed in range(6):
        painted.clear()
        page = draw_page(np.random.default_rng(seed), screens=1.0)
        boxes += len(page.boxes)
        for x1, y1, x2, y2 in page.boxes:
            for width, x, y in painted:
                enlarged = page.image.shape[1] / width  # some are drawn small
                assert not (x1 < x * enlarged < x2 and y1 < y * enlarged < y2)
    assert boxes
    assert any(len(page.boxes) for page in without)


def test_a_themes_icons_are_taken_but_what_depicts_a_checkbox_or_is_a_plain_square(tmp_path: Path) -> None:
    for name in ("folder", "media-playback-stop", "dialog-ok", "checkbox-checked", "wide", "nothing", "mail"):
        image = Image.new("RGBA", (48, 24) if name == "wide" else (48, 48), (0, 0, 0, 0))
        if name != "nothing":
            image.paste((10, 10, 200, 255), (4, 4, 40, 20))
        image.save(tmp_path / f"{name}.png")
    source = Source(tmp_path, Package("theme", left_out=["*check*"]))
    found = icons_of(source, 10, np.random.default_rng(0))
    assert len(found) == 2  # the folder and the mail
    for grey, cover in found:
        assert grey.shape == cover.shape == (SIDE, SIDE)
        assert cover.max() == 255
        assert cover.min() == 0
    assert len(icons_of(source, 1, np.random.default_rng(0))) == 1
