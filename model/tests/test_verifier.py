"""The verifier's data and training on a tiny configuration: candidates cut out, what it sees of them, some steps of training."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from model import candidates, checkpoint, detect, export, fit, train_verifier
from model.candidates import CUT, NONE, SIDE, WIDE_CUT, labelled
from model.detect import Floats, Grey, squares
from model.fonts import Face, book
from model.net import Net
from model.page import EMPTY, FILLED, IGNORE, Page, save
from model.train_verifier import loss, seen
from model.verifier import BOX, SIZE, WIDE, Verifier, edges

TINY = (4, 8, 8, 16, 16)


def rows(*values: tuple[float, ...]) -> Floats:
    return np.array(values, np.float32)


def drawn(labels: Floats, height: int = 600, width: int = 500) -> Grey:
    """A page with the outline of each box, and a cross in those that are filled."""
    page = np.full((height, width), 255, np.uint8)
    for x1, y1, x2, y2, state in labels.astype(int).tolist():
        page[y1:y2, x1:x2] = 0
        page[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2] = 255
        if state == FILLED:
            cv2.line(page, (x1 + 3, y1 + 3), (x2 - 4, y2 - 4), (0,), 2)
            cv2.line(page, (x1 + 3, y2 - 4), (x2 - 4, y1 + 3), (0,), 2)
    return page


def ink(picture: Grey) -> list[int]:
    """Left, upper, right and lower edge of all that is dark."""
    ys, xs = np.nonzero(picture < 128)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


LABELS = rows(
    (60, 50, 84, 74, EMPTY),
    (200, 50, 224, 74, FILLED),
    (340, 50, 380, 90, IGNORE),
    (20, 250, 50, 274, EMPTY),  # missed, and so near the page's edge that its crop shows what is beyond
    (340, 250, 364, 274, IGNORE),  # missed
)
FOUND = rows(
    (202, 51, 226, 75),  # the filled box, IoU 0.78
    (59, 48, 83, 73),  # the empty one
    (73, 50, 97, 74),  # too near it (0.30) to be none, not near enough to be it
    (341, 50, 380, 90),  # the ignored one
    (355, 65, 362, 72),  # something in the ignored one
    (200, 400, 215, 430),  # no box
)


def test_candidates_boxes_missed_and_ignored_are_told_apart() -> None:
    crops, wide, boxes, label = labelled(drawn(LABELS), LABELS, FOUND, np.random.default_rng(1))
    assert crops.shape == (4, CUT, CUT)
    assert wide.shape == (4, WIDE_CUT, WIDE_CUT)
    assert label.tolist() == [NONE, FILLED, EMPTY, EMPTY]  # the last one missed
    assert not boxes[0].any()
    assert (boxes[1:, 2:] > boxes[1:, :2]).all()


def test_boxes_of_crops_are_where_the_ink_is() -> None:
    crops, wide, boxes, label = labelled(drawn(LABELS), LABELS, FOUND, np.random.default_rng(1))
    for crop, around, box in zip(crops[label != NONE], wide[label != NONE], boxes[label != NONE], strict=True):
        np.testing.assert_allclose(box, ink(crop), atol=1.0)
        reach = slice(WIDE_CUT // 2 - 10, WIDE_CUT // 2 + 10)
        there = (box - CUT / 2) * WIDE / SIDE + 10
        faint = np.where(around[reach, reach] < 230, 0, 255).astype(np.uint8)  # its lines are thinner than a pixel
        np.testing.assert_allclose(there, ink(faint), atol=1.5)
    # A box that the finder saw a little beside its place lies beside the middle, one that it missed in it.
    assert boxes[1, 0] < (CUT - SIDE) / 2 - 1
    np.testing.assert_allclose((boxes[3, :2] + boxes[3, 2:]) / 2, CUT / 2, atol=1e-3)


def test_pages_without_boxes_or_candidates_have_crops_of_the_other() -> None:
    page, rng = drawn(LABELS), np.random.default_rng(1)
    nothing = np.zeros((0, 5), np.float32)
    assert labelled(page, nothing, FOUND, rng)[3].tolist() == [NONE] * len(FOUND)
    assert labelled(page, LABELS, nothing[:, :4], rng)[3].tolist() == [EMPTY, FILLED, EMPTY]
    crops, wide, boxes, label = labelled(page, nothing, nothing[:, :4], rng)
    assert (crops.shape, boxes.shape, label.shape) == ((0, CUT, CUT), (0, 4), (0,))
    assert wide.shape == (0, WIDE_CUT, WIDE_CUT)


@pytest.mark.parametrize(("none", "some"), [(70, 5), (4, 60), (60, 60)])
def test_of_a_crowded_page_no_more_than_so_many(none: int, some: int) -> None:
    at = np.arange(none + some)
    places = np.stack([12 * (at % 40), 20 * (at // 40), 12 * (at % 40) + 10, 20 * (at // 40) + 10], 1).astype(
        np.float32
    )
    labels = np.concatenate([places[none:], np.full((some, 1), FILLED)], 1).astype(np.float32)
    label = labelled(drawn(labels[:0]), labels, places, np.random.default_rng(1))[3]
    kept = min(none, candidates.MOST // 2)
    assert (label == NONE).sum() == kept
    assert (label == FILLED).sum() == min(some, candidates.MOST - kept)


@pytest.mark.parametrize("times", [10, 1])
def test_candidates_are_in_the_pages_pixels(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Whatever the size at which the finder sees the page, a small one not enlarged more than in use."""
    page = np.full((140 * times, 100 * times), 255, np.uint8)
    page[40 * times : 80 * times, 30 * times : 50 * times] = 0
    sizes = set()

    def dark(shown: Grey, size: tuple[int, int], _: object, numbers: dict[str, Any]) -> detect.Found:
        assert size == (100 * times, 140 * times)
        assert len(detect.tiles(detect.size_of(shown), numbers["scale"])) == 1
        sizes.add(detect.size_of(shown))
        none = np.zeros(1, np.float32)
        ratio = np.divide(size * 2, detect.size_of(shown) * 2)
        return detect.Found((rows(tuple(ink(shown))) * ratio).astype(np.float32), none, none, none[:, None], none)

    monkeypatch.setattr(detect, "candidates", dark)
    monkeypatch.setattr(candidates, "spoil", lambda image, _: image)
    numbers = {"scale": {"long_side": 700, "max_aspect": 1.6, "max_enlargement": 3.0, "overlap": 160}}
    rng = np.random.default_rng(1)
    for _ in range(5):
        found = candidates.candidates(page, lambda x: x, numbers, rng)
        np.testing.assert_allclose(found, np.multiply([[30, 40, 50, 80]], times), atol=2.0)  # a pixel of what is shown
    if times == 1:
        assert sizes == {(300, 420)}
    else:
        assert len(sizes) == 5
        assert all(0.85 * 700 <= max(size) <= 1.2 * 700 for size in sizes)


def test_a_pen_fills_empty_boxes_and_makes_none_of_what_is_no_box() -> None:
    paper = np.full((CUT, CUT), 230, np.uint8)
    box = np.array([55, 55, 81, 81], np.float32)
    rng = np.random.default_rng(0)
    for label, may in ((EMPTY, {EMPTY, FILLED}), (FILLED, {FILLED}), (NONE, {NONE})):
        told = []
        for _ in range(300):
            crop, said = train_verifier.marked(paper, box, label, rng)
            told.append(said)
            if said != label:  # whatever fills it has ink in it, or all around it
                assert crop[50:86, 50:86].min() < 150
        assert set(told) == may
    assert (paper == 230).all()
    dark = np.full((CUT, CUT), 40, np.uint8)
    assert all(train_verifier.marked(dark, box, EMPTY, rng)[0] is dark for _ in range(50))


@pytest.mark.parametrize("paper", [230, 40])
def test_now_and_then_a_mouse_points_at_a_candidate(paper: int) -> None:
    crop, rng, shown = np.full((CUT, CUT), paper, np.uint8), np.random.default_rng(0), []
    for _ in range(400):
        out = train_verifier.pointed(crop, rng)
        if out is not crop:
            changed = out != paper
            assert changed.any()
            assert not changed[:10].any()  # what is around stays
            shown.append(
                (bool(changed[52:84, 52:84].mean() > 0.99), bool((np.abs(out.astype(int) - paper) > 100).any()))
            )
    assert (crop == paper).all()
    assert 5 < len(shown) < 40
    assert set(shown) == {(True, False), (True, True), (False, True)}  # a disc, with a pointer, a pointer alone


def test_an_arrow_leaves_a_box_by_its_open_corner() -> None:
    box = np.array([55, 55, 81, 81], np.float32)
    for seed, (paper, ink) in enumerate([(230, 20), (40, 220)] * 20):
        crop = np.full((CUT, CUT), paper, np.uint8)
        cv2.rectangle(crop, (55, 55), (80, 80), ink, 1)
        before = crop.copy()
        out = train_verifier.left(crop, box, np.random.default_rng(seed)).astype(int)
        assert (crop == before).all()
        close = np.abs(out - ink) < 60
        assert close[55:81, 55].all()  # the other three sides are whole ...
        assert close[80, 55:81].all()
        assert not close[55, 55:81].all()  # ... these are open
        assert not close[55:81, 80].all()
        assert close[40:66, 70:96].sum() > 15  # where the arrow ends
        changed = np.argwhere(out != before)
        assert changed.min() > 40  # what is around stays
        assert changed.max() < 96


def test_what_is_on_the_back_of_the_paper_is_mirrored_pale_and_soft() -> None:
    rng = np.random.default_rng(3)
    front = np.full((CUT, CUT), 240, np.uint8), np.full((WIDE_CUT, WIDE_CUT), 240, np.uint8)
    back = tuple(view.copy() for view in front)
    for view, own, unit in zip(back, front, (SIDE, WIDE), strict=True):
        middle = len(view) // 2
        view[:, middle + round(unit) : middle + round(2 * unit)] = 0  # a bar to the right of the middle
        own[:4] = 20  # a line of the front
    for _ in range(20):
        seen_through = train_verifier.through(front, (back[0], back[1]), rng)
        for view, own, unit in zip(seen_through, front, (SIDE, WIDE), strict=True):
            middle = len(view) // 2
            bar = int(view[middle, middle - round(1.5 * unit)])  # now to the left
            assert 0.7 * 240 < bar < 0.97 * 240
            assert int(view[middle, middle + round(1.5 * unit)]) >= 238
            if unit == SIDE:  # no sharp edge
                assert np.abs(np.diff(view[middle].astype(int))).max() < 0.75 * (240 - bar) + 2
            assert (view[:4] <= own[:4]).all()
    dark = np.full((CUT, CUT), 60, np.uint8), front[1]
    assert train_verifier.through(dark, front, rng) is dark
    assert train_verifier.through(front, dark, rng) is front


def test_a_box_on_the_back_shows_where_the_front_is_blank() -> None:
    crop, wide = np.full((CUT, CUT), 230, np.uint8), np.full((WIDE_CUT, WIDE_CUT), 230, np.uint8)
    assert train_verifier.blank_middle(crop)
    for view, unit in ((crop, SIDE), (wide, WIDE)):
        x1, x2 = round((len(view) - unit) / 2), round((len(view) + unit) / 2)
        cv2.rectangle(view, (x1, x1), (x2, x2), (0,), max(1, round(unit / 13)))
    assert not train_verifier.blank_middle(crop)
    for seed in range(20):
        close, around = train_verifier.aside((crop, wide), np.random.default_rng(seed))
        moved = [np.subtract(ink(view)[:2], ink(was)[:2]) for view, was in ((close, crop), (around, wide))]
        np.testing.assert_allclose(moved[0] / SIDE, moved[1] / WIDE, atol=0.15)  # in both views by as much
        assert (np.abs(moved[0]) > 0.75 * SIDE).all()
    crop[:] = 230
    crop[60:76, 60:76] = 100  # a letter
    assert not train_verifier.blank_middle(crop)


def test_the_square_of_a_title_bar_has_neighbours_in_the_wide_view() -> None:
    hidden = 0
    for seed in range(60):
        close, wide = train_verifier.title_bar(np.random.default_rng(seed))
        assert (close.shape, wide.shape) == ((CUT, CUT), (WIDE_CUT, WIDE_CUT))
        for view, unit in ((close, SIDE), (wide, WIDE)):
            middle = view[view.shape[0] // 2]  # the row through the square: its sides, and what lies in line with it
            bar = int(middle[view.shape[1] // 2])
            edges = np.abs(middle.astype(int) - bar) > 4
            at = np.arange(len(middle)) + 0.5 - len(middle) / 2
            assert edges[np.abs(np.abs(at) - unit / 2) < 0.2 * unit].any()
        rows = wide[round(WIDE_CUT / 2 - WIDE / 2) : round(WIDE_CUT / 2 + WIDE / 2)].astype(int)
        beside = np.abs(np.arange(WIDE_CUT) + 0.5 - WIDE_CUT / 2) > 0.8 * WIDE
        bar_only = np.abs(rows - bar).max(0) <= 4
        assert not bar_only[beside].all()
        reach = np.abs(np.arange(CUT) + 0.5 - CUT / 2)
        lines = close[round(CUT / 2 - SIDE / 2) : round(CUT / 2 + SIDE / 2)].astype(int)
        hidden += bool(
            (np.abs(lines - int(close[CUT // 2, CUT // 2])).max(0) <= 4)[(reach > 0.8 * SIDE) & (reach < 48)].all()
        )
    assert 5 < hidden < 45  # of many the close view shows none of them


def test_what_is_typed_is_in_faces_that_are_not_kept_for_validation() -> None:
    faces, kept = train_verifier.faces(), book(1)
    assert all(any(face.has(sign) for face in faces) for sign in train_verifier.SIGNS + "ABZ")
    held_out = [face for families in kept.text.values() for family in families for face in family]
    shared = {face.family for face in faces} & {face.family for face in (*held_out, *kept.symbols, *kept.hands)}
    assert shared <= {"Pillow"}


@pytest.mark.parametrize("few", [False, True])
def test_what_is_typed_into_a_box_lies_in_its_middle(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if few:
        monkeypatch.setattr(train_verifier, "faces", lambda: [Face("", 0, "Pillow", "Regular", "20-7e a1-ff")])
    box, rng = np.array([55, 55, 81, 81], np.float32), np.random.default_rng(3)
    middles = []
    for _ in range(200):
        crop = np.full((CUT, CUT), 230, np.uint8)
        train_verifier.print_mark(crop, box, rng)
        ink = np.abs(crop.astype(int) - 230) > 20
        rows, columns = np.nonzero(ink.any(1))[0], np.nonzero(ink.any(0))[0]
        assert min(rows[0], columns[0]) >= 52
        assert max(rows[-1], columns[-1]) < 84
        middles.append((columns[0] + columns[-1] + 1, rows[0] + rows[-1] + 1))
    assert np.abs(np.array(middles) / 2 - 68).max() <= 1.5


def test_browsers_white_boxes_on_dark_pages_are_empty_unless_ticked() -> None:
    box, rng = np.array([55, 55, 81, 81], np.float32), np.random.default_rng(3)
    paper = np.full((CUT, CUT), 240, np.uint8)
    marked = 0
    for _ in range(100):
        ground, ink = train_verifier.colours(rng)
        assert abs(ground - ink) > 50
        crop, state = train_verifier.lit(train_verifier.coloured(paper, ground, ink), box, rng)
        assert np.ptp(crop[:40]) == 0
        assert abs(int(crop[0, 0]) - ground) < 0.2 * abs(ground - ink)
        inside = crop[60:76, 60:76]
        assert (inside.min() > 210) == (state == EMPTY)
        marked += state == FILLED
    assert 25 < marked < 55


def test_what_is_inked_over_is_not_shown_as_a_white_box_on_a_dark_page() -> None:
    box = np.array([55, 55, 81, 81], np.float32)
    crops = {shade: np.full((CUT, CUT), 240, np.uint8) for shade in (30, 235)}
    for shade, crop in crops.items():
        crop[55:81, 55:81] = 20
        crop[57:79, 57:79] = shade
    assert [train_verifier.solid(crop, box) for crop in crops.values()] == [True, False]
    assert not train_verifier.solid(crops[30], np.zeros(4, np.float32))
    rng = np.random.default_rng(1)
    wide = np.full((WIDE_CUT, WIDE_CUT), 240, np.uint8)
    for invertible, share in ((False, 0), (True, 0.2)):
        grounds = [np.median(seen(crops[30], wide, box, rng, invertible=invertible)[0]) for _ in range(200)]
        assert abs(np.mean(np.array(grounds) < 100) - share) <= share / 2


def test_now_and_then_a_candidate_is_alone() -> None:
    crop = np.random.default_rng(0).integers(150, 250, (SIZE, SIZE)).astype(np.uint8)
    rng = np.random.default_rng(1)
    wide = crop[::-1]
    shown = [train_verifier.alone(crop, wide, rng) for _ in range(400)]
    bare = [both for both in shown if not np.array_equal(both[0], crop)]
    assert 0.06 < len(bare) / len(shown) < 0.2
    for both in bare:
        for view, unit, whole in zip(both, (BOX, WIDE), (crop, wide), strict=True):
            middle = slice(round(SIZE / 2 - 0.7 * unit), round(SIZE / 2 + 0.7 * unit))
            np.testing.assert_array_equal(view[middle, middle], whole[middle, middle])
            assert len(np.unique(view[:10])) == 1
            assert abs(int(view[0, 0]) - 200) < 5  # the median: paper, or a dark theme's ground
    blind = [around for close, around in shown if np.array_equal(close, crop) and not np.array_equal(around, wide)]
    assert 0.05 < len(blind) / len(shown) < 0.17
    assert all(len(np.unique(around)) == 1 for around in blind)


def test_edges_of_zeros_are_the_candidates_square() -> None:
    low, high = (SIZE - BOX) / 2, (SIZE + BOX) / 2
    assert edges(torch.zeros(2, 6)).T.tolist() == [[low, low, high, high]] * 2
    square = squares(drawn(LABELS), LABELS[:1, :4], SIZE, BOX)[0][0]
    np.testing.assert_allclose(edges(torch.zeros(1, 6))[:, 0], ink(square), atol=1.0)
    moved = edges(torch.tensor([[0, 0, 0.5, 0, 0, -0.25]]))[:, 0]
    assert moved.tolist() == [low + BOX / 2, low, high, high - BOX / 4]


def test_what_is_drawn_on_a_crop_is_in_the_wide_view_too() -> None:
    crop, wide = np.full((CUT, CUT), 230, np.uint8), np.full((WIDE_CUT, WIDE_CUT), 200, np.uint8)
    crop[55:81, 81:107] = 0  # a square of SIDE, right of the middle one
    inlaid = train_verifier.inlaid(wide, crop)
    assert (wide == 200).all()
    middle = WIDE_CUT / 2
    wanted = [middle + WIDE / 2, middle - WIDE / 2, middle + 1.5 * WIDE, middle + WIDE / 2]
    np.testing.assert_allclose(ink(inlaid), wanted, atol=1.0)
    reach = round(middle - 2 * WIDE)
    assert (inlaid[:reach] == 200).all()
    assert inlaid[reach, reach] == 230


def test_what_is_seen_moves_with_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_verifier, "spoil", lambda image, _, invertible: image)
    monkeypatch.setattr(train_verifier, "WOVEN_SHARE", 0.0)
    monkeypatch.setattr(train_verifier, "BLIND_SHARE", 0.0)
    crop = np.full((CUT, CUT), 255, np.uint8)
    crop[58:82, 50:84] = 0
    wide = train_verifier.inlaid(np.full((WIDE_CUT, WIDE_CUT), 255, np.uint8), crop)
    boxes, errors = [], []
    for seed in range(100):
        picture, box = seen(crop, wide, rows((50, 58, 84, 82))[0], np.random.default_rng(seed))
        assert picture.shape == (2 * SIZE, SIZE)
        boxes.append(box)
        errors.append(box - ink(picture[:SIZE]))
        beside = (box - SIZE / 2) * WIDE / BOX + SIZE / 2 - ink(picture[SIZE:])
        assert np.abs(beside).max() < 1.5
    assert np.abs(errors).max() < 1.2
    assert np.abs(np.mean(errors, 0)).max() < 0.1
    middles, sizes = np.array(boxes)[:, :2] + np.array(boxes)[:, 2:], np.array(boxes)[:, 2:] - np.array(boxes)[:, :2]
    assert np.std(middles / 2, 0).min() > 0.8
    assert np.std(sizes, 0).min() > 0.8
    np.testing.assert_allclose(np.mean(boxes, 0)[2] - np.mean(boxes, 0)[0], 34 * BOX / SIDE, rtol=0.05)


def test_the_edge_of_the_page_leaves_most_of_a_box_and_paper_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_verifier, "spoil", lambda image, _, invertible: image)
    monkeypatch.setattr(train_verifier, "EDGE_SHARE", 1.0)
    monkeypatch.setattr(train_verifier, "ALONE_SHARE", 0.0)
    monkeypatch.setattr(train_verifier, "WOVEN_SHARE", 0.0)
    monkeypatch.setattr(train_verifier, "BLIND_SHARE", 0.0)
    crop = np.full((CUT, CUT), 100, np.uint8)  # no paper but beyond the page
    wide = np.full((WIDE_CUT, WIDE_CUT), 100, np.uint8)
    sides, shares = set(), []
    for seed in range(60):
        both, box = seen(crop, wide, rows((55, 55, 81, 81))[0], np.random.default_rng(seed))
        white = [
            [bool((line == 255).all()) for line in (view[:, 0], view[0], view[:, -1], view[-1])]
            for view in (both[:SIZE], both[SIZE:])
        ]
        assert sum(white[0]) == 1
        assert white[0] == white[1]
        side, picture = white[0].index(True), both[:SIZE]
        seen_wide = (both[SIZE:] != 255).sum() / (picture != 255).sum()
        assert 0.8 < seen_wide < 1.0  # the edge is nearer to the middle there
        ends = np.array([*np.argwhere(picture != 255).min(0)[::-1], *np.argwhere(picture != 255).max(0)[::-1] + 1])
        assert abs(float(box[side]) - int(ends[side])) <= 0.5  # the box ends where the page does
        assert np.abs((box[:2] + box[2:]) / 2 - SIZE / 2).max() < 6  # what shows of it is in the middle
        length = box[2:] - box[:2]
        shares.append(float(length[side % 2] / length[1 - side % 2]))
        sides.add(side)
    assert sides == {0, 1, 2, 3}
    assert 0.55 < min(shares) < 0.75  # 2/3, and what scaling does to it
    assert max(shares) > 0.95
    _, box = seen(crop, wide, rows((0, 0, 0, 0))[0], np.random.default_rng(1))
    assert not box.any()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of candidates, cut out of three drawn pages whose finder is made up."""
    folder = tmp_path_factory.mktemp("candidates")
    pages = tmp_path_factory.mktemp("pages")
    for i in range(3):
        save(Page(drawn(LABELS), LABELS[:, :4], LABELS[:, 4].astype(np.int8)), pages, f"{i}")
    pictures = [pages / f"{i}.npy" for i in range(4)]  # the last one is gone
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "candidates", lambda *_: FOUND)
        written = candidates.cut_out(pictures, lambda x: x, {}, np.random.default_rng(1), folder / "my-pages-1-0.npz")
    assert written == (12, 0.25)
    assert [path.name for path in folder.iterdir()] == ["my-pages-1-0.npz"]
    return folder


def test_batches_hold_boxes_as_labelled_and_nothing_else(stock: Path) -> None:
    crops, label, box = next(iter(train_verifier.Candidates(stock, 300, 1)))
    assert (crops.shape, crops.dtype) == ((300, 1, 2 * SIZE, SIZE), torch.uint8)
    assert (label.dtype, box.dtype) == (torch.int8, torch.float32)
    shares = [float((label == value).float().mean()) for value in (NONE, EMPTY, FILLED)]
    some = 1 - train_verifier.NONE_SHARE
    empty = some * train_verifier.EMPTY_SHARE
    turned = empty * train_verifier.LEFT_SHARE
    empty = (empty - turned) * (1 - train_verifier.MARK_SHARE)
    boxes = np.array([empty, some - empty - turned])
    ghosts = boxes * train_verifier.GHOST_SHARE  # of those that have a blank front
    wanted = [1 - some + turned + ghosts.sum(), *(boxes - ghosts)]
    np.testing.assert_allclose(shares, wanted, atol=0.09)  # three standard deviations
    assert bool((box[label != NONE, 2:] - box[label != NONE, :2] > 10).all())
    # All that is no box is shifted and scaled zeros: without a size.
    assert float((box[label == NONE, 2:] - box[label == NONE, :2]).abs().max()) == 0


def test_new_files_are_read_as_they_appear(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match=r"run model\.candidates first"):
        train_verifier.Stock(tmp_path)
    with np.load(stock / "my-pages-1-0.npz") as data:
        parts = dict(data)
    np.savez(tmp_path / "drawn-1-0.npz", **parts)
    kept = train_verifier.Stock(tmp_path)
    rng = np.random.default_rng(1)

    def add(name: str, grey: int, label: int) -> None:
        """As many candidates of one label, told by their grey."""
        values = {"crops": grey, "wide": grey, "boxes": 0, "label": label}
        np.savez(tmp_path / name, **{key: np.full_like(parts[key], value) for key, value in values.items()})

    def picked(grey: int) -> list[int]:
        return [label for crop, _, _, label in (kept.pick(rng) for _ in range(1000)) if (crop == grey).all()]

    add("drawn-1-500.npz", 6, FILLED)
    add("negatives-1-0.npz", 7, NONE)
    kept.refresh()
    assert not picked(6)  # not looked for before a minute has passed
    monkeypatch.setattr(train_verifier, "REFRESH", 0.0)
    kept.refresh()
    assert set(picked(6)) == {FILLED}
    marked = picked(7)
    assert set(marked) == {NONE}
    mix = train_verifier.MIX
    assert len(marked) / 1000 == pytest.approx(mix["negatives"] / (mix["negatives"] + mix["drawn"]), abs=0.045)


@pytest.fixture(scope="module")
def trained(stock: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verifier]:
    out = tmp_path_factory.mktemp("run")
    net = train_verifier.train(stock, out, 60, batch=8, workers=0, max_steps=4, channels=TINY, log_every=1)
    return out, net


def test_a_few_steps_change_the_verifier_and_are_saved(trained: tuple[Path, Verifier]) -> None:
    out, net = trained
    saved = checkpoint.load_verifier(out / "last.pt")
    assert not saved.training
    torch.manual_seed(1)
    fresh = Verifier(TINY)
    for name, value in saved.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name
    for name, weight in fresh.named_parameters():
        assert not torch.equal(weight, saved.get_parameter(name)), name


def test_training_goes_on_where_it_was(
    stock: Path, trained: tuple[Path, Verifier], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = trained
    (tmp_path / "last.pt").write_bytes((out / "last.pt").read_bytes())
    before = torch.load(tmp_path / "last.pt", weights_only=True)
    # No steps left: what is saved again is what was read.
    train_verifier.train(stock, tmp_path, 60, batch=8, workers=0, max_steps=4, channels=TINY, log_every=1)
    same = torch.load(tmp_path / "last.pt", weights_only=True)
    for key in ("net", "averaged"):
        assert all(torch.equal(value, same[key][name]) for name, value in before[key].items()), key
    assert same["optimiser"]["state"][0]["step"] == before["optimiser"]["state"][0]["step"] == 4
    assert "step 5" not in capsys.readouterr().out
    train_verifier.train(stock, tmp_path, 60, batch=8, workers=0, max_steps=5, channels=TINY, log_every=1)
    printed = capsys.readouterr().out
    assert "going on from step 4, " in printed
    assert re.search(r"^step 5 .*object 0\.\d+ state 0\.\d+ iou .* crops/s$", printed, re.MULTILINE)
    after = torch.load(tmp_path / "last.pt", weights_only=True)
    assert (after["step"], after["optimiser"]["state"][0]["step"]) == (5, 5)
    assert after["spent"] > before["spent"]
    assert not torch.equal(after["net"]["head.weight"], before["net"]["head.weight"])


class Same(IterableDataset[tuple[Tensor, ...]]):
    """One batch again and again."""

    def __init__(self, batch: tuple[Tensor, ...]) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        while True:
            yield self.batch


def test_the_loss_falls_on_a_batch_that_is_learnt_by_heart(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "WARMUP_STEPS", 5)
    crops, label, box = next(iter(train_verifier.Candidates(stock, 24, 2)))
    torch.manual_seed(1)
    net = Verifier(TINY)
    learnt = fit.fit(
        net,
        lambda _: Same((crops, label, box)),
        loss,
        tmp_path / "last.pt",
        60,
        top_rate=6e-3,
        seed=1,
        workers=0,
        max_steps=100,
    )
    torch.manual_seed(1)
    with torch.no_grad():
        x = 1 - crops.float() / 255
        first, _ = loss(Verifier(TINY).eval()(x), label, box)
        last, parts = loss(learnt(x), label, box)
    assert float(last) < 0.3 * float(first)
    assert parts["wrong"] == 0
    assert parts["swapped"] == 0
    assert parts["iou"] > 0.85


def test_the_loss_asks_for_state_and_edges_only_where_there_is_a_box() -> None:
    torch.manual_seed(1)
    out = torch.randn(3, 6, 1, 1)
    label = torch.tensor([NONE, EMPTY, FILLED], dtype=torch.int8)
    box = torch.tensor([[0.0, 0, 0, 0], [38, 38, 58, 58], [36, 38, 56, 58]])
    total, _ = loss(out, label, box)
    other = out.clone()
    other[0, 1:] += 1
    assert torch.equal(loss(other, label, box)[0], total)
    for channel in range(6):
        other = out.clone()
        other[1, channel] += 1
        assert not torch.isclose(loss(other, label, box)[0], total), channel
    right = torch.zeros(3, 6, 1, 1)
    right[:, 0, 0, 0] = torch.tensor([-9.0, 9, 9])
    right[1:, 1, 0, 0] = torch.tensor([-4.0, 4])
    right[2, 2::2] = -0.1  # two pixels to the left
    total, parts = loss(right, label, box)
    assert parts["wrong"] == parts["swapped"] == 0
    assert parts["iou"] == pytest.approx(1.0, abs=1e-5)
    assert float(total) < 0.1
    nothing, parts = loss(right, torch.full((3,), NONE), box)
    assert bool(torch.isfinite(nothing))
    assert parts["iou"] == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_processes_that_make_batches_start_without_the_allocator(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    for name in ("LD_PRELOAD", "MALLOC_CONF"):
        monkeypatch.setenv(name, "")
    seen_by_loader: list[str] = []

    def loader(*_: object, **__: object) -> list[tuple[Tensor, ...]]:
        seen_by_loader.extend({"LD_PRELOAD", "MALLOC_CONF"} & set(os.environ))
        return []

    monkeypatch.setattr(fit, "DataLoader", loader)
    fit.batches_of(Same(()), workers)
    assert len(seen_by_loader) == (0 if workers else 2)


def test_training_goes_on_from_an_exported_verifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Verifier()
    for layer in net.modules():  # as after a training, in which no norm does nothing
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.weight, 1.0, 0.2)
            torch.nn.init.normal_(layer.bias, 0.0, 0.2)
    path = tmp_path / "verifier.onnx"
    path.write_bytes(export.verifier_onnx(net.eval()).SerializeToString())
    x = torch.rand(16, 1, 2 * SIZE, SIZE)
    wanted = torch.from_numpy(detect.onnx_runner(path)(x.numpy()))
    regained = checkpoint.load_verifier(path)
    settled = checkpoint.settled(regained, x)
    with torch.no_grad():
        assert torch.allclose(regained(x), wanted, atol=1e-4)
        assert torch.allclose(settled(x), wanted, atol=1e-4)
        # In training the norms go by the batch: settled, it still answers much the same; unsettled it would not.
        spread = float((wanted - wanted.mean(0)).abs().max())
        assert float((settled.train()(x) - wanted).abs().max()) < 0.2 * spread
        assert float((regained.train()(x) - wanted).abs().max()) > spread


def test_an_exported_network_can_be_exported_again_and_averaged(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = Net().eval()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(layer.weight, 1.0, 0.2)
            torch.nn.init.normal_(layer.bias, 0.0, 0.2)
    path = tmp_path / "finder.onnx"
    path.write_bytes(export.finder_onnx(net).SerializeToString())
    again = checkpoint.load(path)
    x = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        assert torch.allclose(checkpoint.plain(net)(x), net(x), atol=1e-4)
        # The mean with what it was exported from lies between the two, which differ by the rounding to eight bits.
        mean = checkpoint.mean_of([checkpoint.plain(net), again])
        rounding = float((again(x) - net(x)).abs().max())
        assert 0 < float((mean(x) - net(x)).abs().max()) < rounding


def test_the_first_steps_from_an_export_keep_what_it_knows(stock: Path, tmp_path: Path) -> None:
    path = detect.HERE / "verifier.onnx"
    net = train_verifier.train(stock, tmp_path, 60, batch=16, workers=0, max_steps=2, top_rate=1e-7, start_from=path)
    crops, _, _ = next(iter(train_verifier.Candidates(stock, 16, 5)))
    x = fit.ink(crops)
    with torch.no_grad():
        wanted, answer = checkpoint.load_verifier(path)(x), net(x)
    # Of their spread the answers moved by 0.12, by what two small batches do to the norms; unsettled by 0.63.
    assert float((answer - wanted).abs().max()) < 0.3 * float((wanted - wanted.mean(0)).abs().max())
