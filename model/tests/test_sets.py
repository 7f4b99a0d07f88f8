"""How the pages that judge the networks are made."""

from __future__ import annotations

import numpy as np
import pytest

from model import sets
from model.canvas import BOX_KINDS
from model.fonts import book
from model.page import EMPTY, FILLED, IGNORE, Page
from model.styles import styled_page


@pytest.fixture
def page() -> Page:
    """A page of black squares."""
    boxes = np.array([[200, 300, 230, 330], [700, 320, 730, 350], [150, 900, 190, 940]], np.float32)
    image = np.full((1100, 850), 255, np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        image[y1:y2, x1:x2] = 0
    return Page(image, boxes, np.array([EMPTY, FILLED, EMPTY], np.int8))


def test_a_piece_of_a_page_holds_a_box_or_none() -> None:
    boxes = np.array([[500, 500, 520, 520], [560, 500, 580, 520], [10, 10, 30, 30]], np.float32)
    image = np.full((1000, 1200), 255, np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        image[y1:y2, x1:x2] = 0
    page = Page(image, boxes, np.array([EMPTY, FILLED, FILLED], np.int8))
    cut = 0
    for seed in range(40):
        held = sets.piece(page, np.random.default_rng(seed), boxes[0])
        assert held is not None
        assert held.image.shape[1] <= 500
        assert EMPTY in held.states
        for (x1, y1, x2, y2), state in zip(held.boxes.astype(int), held.states, strict=True):
            assert not held.image[y1:y2, x1:x2].any()
            area = (x2 - x1) * (y2 - y1)
            assert (state == IGNORE) == (area < 400 * 2 / 3)
            cut += state == IGNORE
        free = sets.piece(page, np.random.default_rng(seed), None)
        assert free is None or free.image.all()
    assert cut
    assert sets.piece(page, np.random.default_rng(0), np.array([0, 0, 900, 20], np.float32)) is None


def test_a_faded_page_has_little_contrast(page: Page) -> None:
    for seed in range(10):
        worn = sets.faded(page, np.random.default_rng(seed)).image.astype(float)
        contrast = worn[500:700].mean() - worn[310:320, 210:220].mean()
        assert 28 < contrast < 82


def test_the_back_of_the_paper_shines_through_mirrored_and_pale(page: Page) -> None:
    blank = Page(np.full((1000, 900), 240, np.uint8), page.boxes[:0], page.states[:0])
    for seed in range(10):
        worn = sets.shone_through(blank, page, np.random.default_rng(seed)).image.astype(float)
        there = [round(v * k) for v, k in ((1000 / 1100, 315), (900 / 850, 850 - 215))]
        assert 0.78 * 240 < worn[there[0], there[1]] < 0.96 * 240
        assert worn[500:700].min() >= 238


@pytest.mark.parametrize("screen", [False, True])
def test_a_photo_shows_the_boxes_where_it_says(page: Page, screen: bool) -> None:
    for seed in range(4):
        taken = sets.photographed(page, np.random.default_rng(seed), screen)
        assert max(taken.image.shape) >= 2400
        assert taken.states.tolist() == page.states.tolist()
        for x1, y1, x2, y2 in taken.boxes.astype(int):
            w, h = x2 - x1, y2 - y1
            inside = taken.image[y1 + h // 3 : y2 - h // 3, x1 + w // 3 : x2 - w // 3].mean()
            around = taken.image[y1 - h // 2 : y1 - h // 4, x1:x2].mean()  # the paper above
            assert inside < 0.5 * around
    empty = sets.photographed(Page(page.image, page.boxes[:0], page.states[:0]), np.random.default_rng(0), screen)
    assert empty.boxes.shape == (0, 4)


@pytest.mark.parametrize("kind", BOX_KINDS)
def test_a_page_of_one_style_has_boxes_of_both_states_and_nothing_runs_into_them(kind: str) -> None:
    page = styled_page(kind, np.random.default_rng(BOX_KINDS.index(kind)), book(1))
    assert set(page.states.tolist()) == {EMPTY, FILLED}
    assert (page.boxes[:, :2] > 0).all()
    assert (page.boxes[:, 2:] < page.image.shape[::-1]).all()
    for x1, y1, x2, y2 in page.boxes.tolist():
        before = page.image[round(y1) : round(y2), round(x1 - 0.7 * (x2 - x1)) : round(x1 - 0.3 * (x2 - x1))]
        assert before.min() == before.max(), "paper, not the end of the words of the column before"
