"""Drawn screens: what only looks like a checkbox on them is drawn, and labelled as none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from model.canvas import Canvas, draw_box, random_box_style
from model.fonts import book
from model.screens import diagram, expander, faders, formulas, gutter, phone_keys, title_bar, tree, window
from model.sheet import Sheet, random_look

Part = Callable[[Sheet, float, float, float, float], float]


def empty_sheet(seed: int) -> Sheet:
    rng = np.random.default_rng(seed)
    return Sheet(rng, 700, 500, random_look(rng, book(), screen=True), book())


@pytest.mark.parametrize("part", [diagram, faders, formulas, gutter])
def test_squares_that_are_no_checkbox_are_drawn_and_not_labelled(part: Part) -> None:
    drawn = 0
    for seed in range(6):
        sheet = empty_sheet(seed)
        bare = sheet.canvas.image.copy()
        bottom = part(sheet, 20, 20, 640, 480)
        assert bottom > 20
        assert not sheet.boxes
        drawn += int((sheet.canvas.image != bare).any())
    assert drawn >= 4  # there is not always room


def test_a_window_has_its_bar_and_labels_only_the_boxes_below_it() -> None:
    boxes = 0
    for seed in range(12):
        sheet = empty_sheet(seed)
        low = title_bar(sheet, 0, 0, 700)
        assert not sheet.boxes
        strip = sheet.canvas.image[: int(low)]
        assert strip.max() - strip.min() > 60  # its signs can be seen
        window(sheet, 20, 60, 640, 480)
        assert all(y1 > 60 for _, y1, _, _ in sheet.boxes)
        boxes += len(sheet.boxes)
    assert boxes


def test_a_tree_unfolds_by_squares_that_are_no_boxes() -> None:
    """Where a tree has no boxes of its own, none are labelled, whatever stands before its leaves."""
    labelled = []
    for seed in range(20):
        sheet = empty_sheet(seed)
        tree(sheet, 20, 20, 640, 480)
        labelled.append(len(sheet.boxes))
    assert 0 in labelled
    assert max(labelled) > 3


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_folded_away_shows_a_plus_and_what_is_not_a_minus(closed: bool) -> None:
    sheet = empty_sheet(1)
    expander(sheet, 100, 100, 21, closed)
    square = np.abs(sheet.canvas.image[90:111, 100:121].astype(float) - sheet.look.paper) > 40
    across, down = square[10, 5:16], square[5:16, 10]
    assert across.mean() > 0.6
    assert bool(down.mean() > 0.6) == closed


def test_the_keys_of_a_phone_keep_to_their_bar() -> None:
    for seed in range(8):
        sheet = empty_sheet(seed)
        bare = sheet.canvas.image.copy()
        phone_keys(sheet, 450, 700)
        assert (sheet.canvas.image[:450] == bare[:450]).all()
        assert (sheet.canvas.image[450:] != bare[450:]).any()
        assert not sheet.boxes


@pytest.mark.parametrize("shade", [-40.0, 40.0])
def test_a_shaded_box_grows_darker_or_lighter_downwards(shade: float) -> None:
    rng = np.random.default_rng(0)
    plain = replace(
        random_box_style(rng, 24, 0, 255, True, book().symbols), border="solid", line=1.0, radius=0.0, shadow=0.0
    )
    style = replace(plain, aspect=1.0, fill=200.0, shade=shade, solid_fill=-1.0)
    canvas = Canvas(60, 60)
    draw_box(canvas, 10, 10, 24, style, False, rng, [], book().pick(rng))
    column = canvas.image[12:32, 22].astype(int)
    assert (np.diff(column) * np.sign(shade) <= 0).all()
    assert abs(int(column[0]) - int(column[-1])) > 25
