"""Decoding, suppression, tiles, matching and the figures made of them."""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from model import detect, errors, evaluate, samples, sets
from model.degrade import degrade
from model.detect import networks, resized, settings, size_of, ways, working_size
from model.draw import to_grey
from model.export import DEFAULTS
from model.page import EMPTY, FILLED, IGNORE, Page, save
from model.pages import draw_page

CLOSER = {"below": 0.0, "none": 99.0, "logit": 0.0, "times": 2.0, "pixels": 256 * 256}  # no page is read again
NUMBERS = {
    **DEFAULTS,
    "scale": {"long_side": 128, "max_aspect": 1.6, "max_enlargement": 3.0, "overlap": 40},
    "closer": CLOSER,
    "upright": {"sideways": 1.0, "least": 3.0, "peak": 2.5, "blocks": 6},  # no page lies on its side
    "candidates": {"logit": -1.0, "alike": 0.0},
    "verifier": {"size": 48, "side": 16.0, "wide": 4.0},
    "calibration": {"finder": 1.0, "verifier": 2.0, "alike": 0.0, "offset": -1.0},
}


def agrees(x: detect.Floats) -> detect.Floats:
    """A stand-in verifier: all are filled boxes and lie where they were thought to."""
    out = np.zeros((len(x), 6, 1, 1), np.float32)
    out[:, :2] = 1
    return out


def chequered(side: int) -> detect.Grey:
    """A white page [side,side], all of it printed on, faintly."""
    return np.where(np.add(*np.indices((side, side)) // 8) % 2, 243, 255).astype(np.uint8)


def test_decode_reads_the_documented_order() -> None:
    out = np.zeros((1, 24, 4, 4), np.float32)
    out[0, 0:4] = -9
    row, column, dy, dx = 2, 1, 1, 0
    for c, value in enumerate([3.0, -2.0, math.log(1), math.log(2), math.log(3), math.log(4)]):
        out[0, c * 4 + dy * 2 + dx, row, column] = value
    boxes, logit = detect.decode(out, 0.0)
    assert logit.tolist() == [3.0]
    cx, cy = (2 * column + dx + 0.5) * 4, (2 * row + dy + 0.5) * 4
    np.testing.assert_allclose(boxes[0], [cx - 4, cy - 8, cx + 12, cy + 16], rtol=1e-5)


def test_suppression_keeps_the_best_and_its_neighbours() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [10, 0, 20, 10], [12, 2, 18, 8], [40, 0, 50, 10]], np.float32)
    score = np.array([0.8, 0.9, 0.7, 0.6, 0.1], np.float32)
    assert detect.suppress(boxes, score, 0.3, 9).tolist() == [1, 2, 4]  # 0 overlaps 1; 3 lies inside 2
    assert detect.suppress(boxes, score, 0.3, 2).tolist() == [1, 2]
    assert detect.suppress(boxes[:0], score[:0], 0.3, 9).tolist() == []


@pytest.mark.parametrize("length", [100, 128, 129, 216, 217, 1000])
def test_spans_cover_and_overlap(length: int) -> None:
    spans = detect.spans(length, 128, 40)
    assert spans[0][0] == 0
    assert spans[-1][0] + spans[-1][1] == length
    assert all(size <= 128 for _, size in spans)
    for (a, size), (b, _) in itertools.pairwise(spans):
        assert a + size - b >= 40


def sees_dark(x: detect.Floats) -> detect.Floats:
    """A stand-in finder that sees a box of 8 px at the corner of each dark square."""
    h, w = x.shape[2] // 8, x.shape[3] // 8
    out = np.full((1, 24, h, w), -9, np.float32)
    out[0, 8:] = 0.0  # 4 px each way
    for y, xx in zip(*np.nonzero(x[0, 0] > 0.5), strict=True):
        if x[0, 0, y - 1, xx] < 0.5 and x[0, 0, y, xx - 1] < 0.5:
            out[0, (y // 4 % 2) * 2 + xx // 4 % 2, y // 8, xx // 8] = 5
    return out


def test_a_box_on_a_seam_is_found_once_and_in_place() -> None:
    """Two of the squares lie on the seams of 128 px tiles."""
    image = np.full((300, 80), 255, np.uint8)
    for y in (20, 96, 104, 168, 250):
        image[y : y + 4, 40:44] = 0
    found = detect.detect(image, detect.Networks(sees_dark, agrees), NUMBERS)
    # Tiles start anywhere, cells every 4 px: the stand-in's boxes are right to a cell.
    middles = sorted((b[1] + b[3]) / 2 for b in found.boxes)
    np.testing.assert_allclose(middles, [22, 98, 106, 170, 252], atol=3)


def test_a_page_of_little_contrast_has_all_there_can_be() -> None:
    contrast = {"share": 0.001, "least": 32, "noise": 12, "enough": 100}
    page = np.full((1300, 300), 160, np.uint8)
    page[:, 10:20], page[:, 30], page[650, 7] = 100, 130, 0  # a bar, some grey, a speck of dust
    shown = detect.stretched(page, contrast)
    assert shown[0, [0, 15, 30]].tolist() == [255, 0, 128]
    assert shown[650, 7] == 0
    # Enough contrast, none, and white but for one box too small to count.
    white = np.full((1400, 1000), 255, np.uint8)
    white[700:720, 500] = 0
    rough = np.random.default_rng(1).normal(200, 5, white.shape).clip(0, white).astype(np.uint8)
    for other in (np.where(page == 160, 200, page).astype(np.uint8), page[:, :5], white, white[:1, :1], rough):
        assert detect.stretched(other, contrast) is other


def test_only_what_is_printed_is_read() -> None:
    page = np.full((400, 300), 230, np.uint8)
    whole = detect.Tile(0, 0, 300, 400)
    assert detect.printed(page, whole) is None
    page[[200, 200, 260], [100, 101, 170]] = 225
    page[10, 200] = 226  # no more than paper differs by
    assert detect.printed(page, whole) == (64, 192, 128, 96)
    assert detect.printed(page, detect.Tile(0, 210, 300, 190)) == (160, 242, 32, 32)
    page[[0, 399], [0, 299]] = 0
    assert detect.printed(page, whole) == whole
    assert detect.printed(page[:1, :1], detect.Tile(0, 0, 1, 1)) is None
    # What the network is shown of it lies where it would lie on all of it, so that it answers alike there.
    page = np.full((952, 736), 255, np.uint8)
    for y in range(150, 800, 50):
        cv2.rectangle(page, (100, y), (118, y + 18), 0, 1)
        cv2.putText(page, "applies to all of them", (130, y + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0)
    run, numbers = detect.networks(), detect.settings()
    found = detect.candidates(page, (736, 952), run.finder, numbers)
    assert found.pixels == 672 * 256
    page[[0, -1], [0, -1]] = 0
    all_of_it = detect.candidates(page, (736, 952), run.finder, numbers)
    assert all_of_it.pixels == 736 * 960
    assert len(found.boxes) >= 13
    part, whole_page = (boxes[boxes[:, 1].argsort()] for boxes in (found.boxes, all_of_it.boxes))
    np.testing.assert_allclose(part, whole_page, atol=0.5)


def test_small_pictures_are_enlarged_but_not_without_end() -> None:
    scale = {"long_side": 1280, "max_aspect": 1.6, "max_enlargement": 3.0}
    assert detect.working_size(850, 1100, scale) == (989, 1280)
    assert detect.working_size(200, 100, scale) == (600, 300)
    assert detect.working_size(500, 5000, scale) == (800, 8000)


def test_a_page_is_read_closer_until_it_is_read_as_it_is() -> None:
    closer = {"times": 2.0, "pixels": 3840 * 2160}
    sizes = [(1422, 800)]
    while larger := detect.closer_size(3840, 2160, sizes[-1], closer):
        sizes.append(larger)
    assert sizes[1:] == [(2844, 1600), (3840, 2160)]
    assert detect.closer_size(3840, 2160, sizes[1], closer | {"pixels": 3840 * 2160 - 1}) is None
    # Enlarged already, as it is, and so little smaller that it would show nothing new.
    for side, read in [(500, 1000), (1000, 1000), (1000, 930)]:
        assert detect.closer_size(side, side, (read, read), closer) is None


def test_a_page_of_small_boxes_is_read_again_larger() -> None:
    """A stand-in finder that sees a box of 8 px in the middle of whatever it is shown; a verifier that agrees, or does not."""
    shown: list[tuple[int, ...]] = []

    def finder(x: detect.Floats) -> detect.Floats:
        shown.append(x.shape[2:])
        h, w = x.shape[2] // 8, x.shape[3] // 8
        out = np.full((1, 24, h, w), -9, np.float32)
        out[0, 8:] = 0.0  # 4 px each way
        out[0, 0, h // 2, w // 2] = 0.0
        return out

    def denies(x: detect.Floats) -> detect.Floats:
        return -agrees(x)

    page = chequered(256)
    for below, verifier, times in [(8.0, agrees, 1), (9.0, denies, 1), (9.0, agrees, 1 + 9)]:
        numbers = NUMBERS | {"closer": CLOSER | {"below": below}}
        found = detect.detect(page, detect.Networks(finder, verifier), numbers, 0.0)
        assert len(shown) == times
        sides = found.boxes[:, 2] - found.boxes[:, 0]
        assert sides.max() == 16  # what the first reading found stays
        assert (sides.min() == 8) == (times > 1)
        assert found.pixels == sum(h * w for h, w in shown)
        assert found.checked == times
        shown.clear()


def test_a_large_page_that_shows_no_box_is_read_again_larger() -> None:
    page = chequered(256)
    page[40:48, 200:208] = 0  # which the first reading does not see
    shown: list[int] = []

    def finder(x: detect.Floats) -> detect.Floats:
        shown.append(x.size)
        return sees_dark(x) if len(shown) > 1 else np.full((1, 24, x.shape[2] // 8, x.shape[3] // 8), -9, np.float32)

    for none, boxes in [(2.1, 0), (2.0, 1)]:
        shown.clear()
        numbers = NUMBERS | {"closer": CLOSER | {"below": 9.0, "none": none}}
        found = detect.detect(page, detect.Networks(finder, agrees), numbers)
        assert len(found.boxes) == boxes
        assert found.pixels == sum(shown)


def test_what_was_found_is_not_looked_at_again() -> None:
    """Two dark squares, the smaller of which the first reading loses."""
    page = chequered(256)
    page[120:136, 120:136] = 0
    page[40, 200] = 0
    numbers = NUMBERS | {"closer": CLOSER | {"below": 9.0}}
    found = detect.detect(page, detect.Networks(sees_dark, agrees), numbers)
    assert sorted((found.boxes[:, 2] - found.boxes[:, 0]).tolist()) == [8, 16]
    assert found.checked == 2


def test_every_candidate_is_seen_from_near_and_both_networks_decide() -> None:
    """A stand-in finder that sees boxes of given logits in a row, the first two in the dark; a verifier that believes the dark."""
    shown: list[int] = []

    def finder(logits: list[float]) -> detect.Runner:
        def run(x: detect.Floats) -> detect.Floats:
            h, w = x.shape[2] // 8, x.shape[3] // 8
            out = np.full((1, 24, h, w), -9, np.float32)
            out[0, 8:] = 0.0  # 4 px each way
            for k, logit in enumerate(logits):
                out[0, 0, h // 2, 3 * k + 1] = logit
            return out

        return run

    def verifier(x: detect.Floats) -> detect.Floats:
        shown.append(len(x))
        out = np.zeros((len(x), 6, 1, 1), np.float32)
        out[:, 0, 0, 0] = np.where(x[:, 0, 24, 24] > 0.5, 2.0, -2.0)
        return out

    page = chequered(128)
    page[:, :50] = 255 - page[:, :50]
    found = detect.detect(page, detect.Networks(finder([1.0, 0.0, 2.0]), verifier), NUMBERS, 0.5)
    assert shown == [3]
    np.testing.assert_allclose(found.logit, [1 + 4 - 1, 0 + 4 - 1], atol=1e-5)
    np.testing.assert_allclose(found.seen, [[1, 2], [0, 2]], atol=1e-5)
    assert found.checked == 3
    assert len(detect.detect(page, detect.Networks(finder([1.0, 0.0, 2.0]), verifier), NUMBERS, 0.01).logit) == 3
    shown.clear()
    assert len(detect.detect(page, detect.Networks(finder([-1.5, 0.0]), verifier), NUMBERS).logit) == 1
    assert not len(detect.detect(page, detect.Networks(finder([]), verifier), NUMBERS).logit)
    assert shown == [1]


def test_a_large_picture_is_made_of_several() -> None:
    def page(h: int, w: int, x: int) -> Page:
        return Page(
            np.full((h, w), x, np.uint8), np.array([[x, 5, x + 10, 15]], np.float32), np.array([x % 2], np.int8)
        )

    large = samples.together([page(30, 40, 1), page(50, 30, 2), page(20, 20, 3)])
    assert large.image.shape == (100, 80)
    np.testing.assert_array_equal(large.boxes[:, :2], [[1, 5], [42, 5], [3, 55]])
    assert [large.image[y, x] for y, x in ((29, 39), (30, 0), (49, 69), (69, 19), (70, 0))] == [1, 255, 2, 3, 255]
    assert large.states.tolist() == [1, 0, 1]


def test_the_verifier_moves_edges() -> None:
    def moves(x: detect.Floats) -> detect.Floats:
        out = agrees(x)
        out[:, 2:, 0, 0] = np.array([0.05, 0.125, -0.1, -0.125]) * 20 / 16
        return out

    page = np.full((400, 400), 255, np.uint8)
    box = np.array([[100, 200, 140, 230]], np.float32)
    logit = np.array([3.0], np.float32)
    seen = detect.Found(box, logit, 0 * logit, np.stack([logit, 0 * logit], 1), 0 * logit)
    # A square of 40 px counts, whose upper edge is at 195; what the verifier says is in shares of 16 px out of 40.
    moved = detect.verified(page, seen, moves, NUMBERS)
    np.testing.assert_allclose(moved.boxes, [[102.5, 201.25, 135, 228.75]], atol=1e-3)


def test_the_verifier_sees_the_wide_view_below_the_close_one() -> None:
    shown: list[detect.Floats] = []

    def keeps(x: detect.Floats) -> detect.Floats:
        shown.append(x)
        return agrees(x)

    page = np.full((400, 400), 255, np.uint8)
    page[200:220, 100:120] = page[:, 180:190] = 0  # a box, and a bar three of its sides to the right
    logit = np.zeros(1, np.float32)
    box = np.array([[100, 200, 120, 220]], np.float32)
    detect.verified(page, detect.Found(box, logit, logit, np.zeros((1, 2), np.float32), 0 * logit), keeps, NUMBERS)
    ((view,),) = shown[0]
    assert view.shape == (2 * 48, 48)
    assert view[:48].sum() == pytest.approx(16**2, rel=0.02)
    assert view[48:].sum() == pytest.approx(4**2 + 2 * 48, rel=0.1)
    assert view[48:, 38:40].min() > 0.8


@pytest.mark.parametrize("side", [7, 20, 63])
def test_a_candidate_lies_in_the_middle_of_its_square(side: int) -> None:
    page = np.full((12 * side, 12 * side), 255, np.uint8)
    x, y = 5 * side, 4 * side
    page[y : y + side // 2, x : x + side] = 0
    (square,), (where,) = detect.squares(page, np.array([[x, y, x + side, y + side // 2]], np.float32), 96, 20.0)
    assert square.shape == (96, 96)
    height = (side // 2) / side * 20
    assert (255 - square.astype(float)).sum() / 255 == pytest.approx(20 * height, rel=0.12)
    ys, xs = np.nonzero(square < 100)
    np.testing.assert_allclose([xs.min(), xs.max() + 1], [38, 58], atol=2)
    np.testing.assert_allclose([ys.min(), ys.max() + 1], [48 - height / 2, 48 + height / 2], atol=2)
    np.testing.assert_allclose((np.array([x, y]) - where[:2]) * where[2], [38, 48 - height / 2], atol=1e-3)


def test_beyond_the_page_is_paper() -> None:
    page = np.zeros((40, 60), np.uint8)
    boxes = np.array([[0, 0, 20, 20], [40, 20, 60, 40], [0, 0, 60, 40], [500, 500, 520, 520]], np.float32)
    shown, _ = detect.squares(page, boxes, 96, 20.0)
    assert [int(square[48, 48]) for square in shown] == [0, 0, 0, 255]
    assert (int(shown[0][0, 0]), int(shown[1][95, 95]), int(shown[3].min())) == (255, 255, 255)


def test_matching_ignores_what_is_to_be_ignored() -> None:
    truth = np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32)
    states = np.array([EMPTY, IGNORE], np.int8)
    found = np.array([[1, 0, 11, 10], [0, 1, 10, 11], [51, 0, 61, 10], [80, 0, 90, 10]], np.float32)
    to, ignored = evaluate.match(found, truth, states, 0.3)
    assert to.tolist() == [0, -1, -1, -1]  # the second meets a box already taken
    assert ignored.tolist() == [False, False, True, False]


def found(boxes: list[list[float]], confidence: list[float], state: list[float]) -> detect.Found:
    sure = np.array(confidence, np.float32)
    logit = np.log(sure / (1 - sure))
    seen = np.stack([logit, logit], 1)
    return detect.Found(np.array(boxes, np.float32).reshape(-1, 4), logit, np.array(state, np.float32), seen, 0 * logit)


def test_figures_of_a_page() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], np.float32)
    states = np.array([EMPTY, FILLED, EMPTY, FILLED], np.int8)
    tally = evaluate.Tally()
    page = found(
        [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [90, 0, 99, 9], [60, 0, 70, 10]],
        [0.9, 0.9, 0.8, 0.7, 0.2],
        [-1, -1, -1, 1, 1],
    )
    tally.add(sets.Labelled(Path("a"), truth, states), page, 0.5)
    row = tally.row()
    assert row["recall"] == 0.75
    assert row["precision"] == 0.75
    assert row["state"] == pytest.approx(2 / 3)
    assert row["exact"] == 0
    assert row["iou"] == 1
    # Empty: two right, one wrong in between or level with them; filled: the false box above the only right one of two.
    assert row["map50"] == pytest.approx((1 / 2 * 1 / 2 + (1 / 1 + 2 / 3) / 2) / 2, abs=0.2)


def test_average_precision_of_known_rankings() -> None:
    score = np.array([0.9, 0.8, 0.7], np.float32)
    assert evaluate.average_precision(score, np.array([True, True, True]), 3) == 1
    assert evaluate.average_precision(score, np.array([False, True, True]), 2) == pytest.approx(2 / 3)
    assert evaluate.average_precision(score, np.array([True, False, False]), 2) == 0.5


def test_the_regression_recovers_known_numbers() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(0, 3, (40_000, 2)).astype(np.float32)
    logit = seen @ [0.7, 0.3] + 0.5
    good = rng.random(40_000) < 1 / (1 + np.exp(-logit))
    fitted = evaluate.logistic(seen, good, np.ones(40_000, np.float32))
    assert fitted == pytest.approx([0.7, 0.3, 0.5], abs=0.05)
    p = (1 / (1 + np.exp(-logit))).astype(np.float32)
    assert evaluate.reliability(p, good)[0] < 0.02
    assert evaluate.reliability(p, ~good)[0] > 0.2


def test_calibration_weighs_sets_alike() -> None:
    """Two sets in which the same logits mean something else: the many pages of one do not drown the other."""
    rng = np.random.default_rng(0)
    tallies = {}
    for name, count, share in (("many", 4000, 0.9), ("few", 400, 0.3)):
        at = np.arange(count)[:, None] * 20.0
        boxes = np.hstack([at, at * 0, at + 10, at * 0 + 10]).tolist()
        right = rng.random(count) < share
        truth = np.array([box for box, there in zip(boxes, right, strict=True) if there], np.float32)
        page = sets.Labelled(Path("a"), truth, np.full(len(truth), EMPTY, np.int8))
        tallies[name] = evaluate.Tally()
        tallies[name].add(page, found(boxes, rng.uniform(0.4, 0.6, count).tolist(), [-1.0] * count), 0.5)
    fitted = evaluate.calibration(tallies)
    assert set(fitted) == {"finder", "verifier", "alike", "offset"}
    # All are of one size, and there are many: each is as likely as any.
    assert 1 / (1 + math.exp(-fitted["offset"] - fitted["alike"])) == pytest.approx(0.6, abs=0.04)


def test_calibration_finds_what_others_on_the_page_are_worth() -> None:
    """Two places of which the networks say the same: a checkbox where a sure one of its size is on the page, none where it is alone."""
    tally = evaluate.Tally()
    rng = np.random.default_rng(0)
    for k in range(400):
        boxes = [[0.0, 0.0, 20.0, 20.0], [100.0, 0.0, 121.0, 21.0], [200.0, 0.0, 240.0, 40.0]]
        there = np.array(boxes[:2] if k % 10 else boxes, np.float32)  # one in ten of those alone is one
        page = sets.Labelled(Path("a"), there, np.full(len(there), EMPTY, np.int8))
        sure = [0.999, *rng.uniform(0.55, 0.65, 2)]
        tally.add(page, found(boxes, sure, [-1.0] * 3), 0.5)
    fitted = evaluate.calibration({"set": tally})
    alone = detect.by_itself(np.full((1, 2), np.log(0.6 / 0.4), np.float32), fitted)[0]
    assert 1 / (1 + math.exp(evaluate.LONE - alone)) == pytest.approx(0.1, abs=0.03), (
        "as in the set, but for what it is given back"
    )
    assert fitted["alike"] > 0


@pytest.mark.parametrize(("astray", "wanted"), [(1, (0.5, 0.0)), (30, (0.5, 0.75))])
def test_the_operating_point_is_the_plainest_that_is_as_good_as_the_best(
    astray: int, wanted: tuple[float, float]
) -> None:
    """On some of a hundred pages a filled box is called empty, less than 0.75 from being called filled."""
    tally = evaluate.Tally()
    for k in range(100):
        page = sets.Labelled(Path("a"), np.array([[0, 0, 10, 10]], np.float32), np.array([FILLED], np.int8))
        tally.add(page, found([[0, 0, 10, 10]], [0.95], [-0.7 if k < astray else 2.0]), 0.5)
    chosen = evaluate.operating_point({"set": tally})
    assert (chosen["conf"], chosen["filled_bias"]) == wanted


def test_a_box_that_shines_through_is_none_of_this_side() -> None:
    numbers = {"faint": 0.2, "calibration": {"finder": 1.0, "verifier": 0.0, "alike": 0.0, "offset": 0.0}}

    def kept(*found: tuple[float, float, float, float]) -> list[int]:
        sides, contrast, state, logit = np.array(found, np.float32).reshape(-1, 4).T
        at = np.arange(len(sides), dtype=np.float32) * 50
        boxes = np.stack([at, 0 * at, at + sides, sides], 1)
        all_of = detect.Found(boxes, logit, state, np.stack([logit, logit], 1), contrast)
        return [int(x) // 50 for x in detect.of_this_side(all_of, numbers).boxes[:, 0]]

    dark, pale = (20, 200, -1, 3), (21, 39, -1, 5)
    assert kept(dark, pale) == [0]
    assert kept(pale, pale) == [0, 1]  # nothing to tell it by
    for other in ((21, 40, -1, 5), (23, 39, -1, 5), (21, 39, 1, 5)):  # dark enough, of another size, filled
        assert kept(dark, other) == [0, 1]
    assert kept((20, 200, -1, -0.1), pale) == [0, 1]  # the dark one is likelier none
    assert kept() == []


def test_contrast_is_that_of_the_place_and_a_little_around_it() -> None:
    page = np.full((200, 300), 200, np.uint8)
    page[40:60, 100], page[40:60, 90], page[50, 110:114] = (
        100,
        0,
        0,
    )  # an edge of a box of 20 px, what is beside it, dirt
    boxes = np.array([[100, 40, 120, 60], [92, 40, 120, 60], [150, 40, 170, 60], [400, 300, 420, 320]], np.float32)
    assert detect.contrast(page, boxes).tolist() == [100, 200, 0, 0]


def test_others_of_its_size_bear_a_box_out() -> None:
    sides = np.array([20, 21, 22, 30, 22], np.float32)
    at = np.arange(5) * 100
    boxes = np.stack([at, 0 * at, at + sides, 0.8 * sides], 1).astype(np.float32)
    sure = np.array([0.9, 0.6, 0.4, 0.7, 0.1], np.float32)
    by_itself = np.log(sure / (1 - sure))
    # The third and the fifth are likelier none, and bear nobody out.
    np.testing.assert_allclose(detect.alike(by_itself, boxes), [1 / 2, 1 / 2, 2 / 3, 0, 2 / 3], atol=1e-6)
    seen = np.stack([by_itself, 0 * by_itself], 1)
    one = detect.Found(boxes, 0 * by_itself, np.arange(5, dtype=np.float32), seen, sure)
    among = detect.rescored(one, {"finder": 1.0, "verifier": 1.0, "alike": 3.0, "offset": 0.0})
    assert among.state.tolist() == [0, 1, 2, 3, 4]  # logits 3.70, 1.91, 1.59, 0.85, -0.20: the most confident first
    np.testing.assert_allclose(among.logit, by_itself + np.array([1.5, 1.5, 2, 0, 2]), atol=1e-5)
    assert not len(detect.alike(by_itself[:0], boxes[:0]))


def test_labelled_pictures_and_pages_are_read_alike(tmp_path: Path) -> None:
    picture = np.full((40, 60), 200, np.uint8)
    Image.fromarray(picture).save(tmp_path / "form.png")
    boxes: list[dict[str, object]] = [
        {"bbox": [1, 2, 11, 12], "state": "checked"},
        {"bbox": [20, 2, 30, 12], "state": "unchecked"},
        {"bbox": [40, 2, 50, 12], "state": "checked", "ambiguous": True},
    ]
    (tmp_path / "form.json").write_text(json.dumps({"image": "form.png", "boxes": boxes}))
    (tmp_path / "notes.json").write_text("{}")
    save(Page(picture, np.array([[1, 2, 11, 12]], np.float32), np.array([FILLED], np.int8)), tmp_path, "page")
    page, form = sets.labelled(tmp_path)
    assert page.states.tolist() == [FILLED]
    assert form.states.tolist() == [FILLED, EMPTY, IGNORE]
    np.testing.assert_array_equal(form.image(), picture)
    assert form.picture(tmp_path / "no.png") == tmp_path / "form.png"
    np.testing.assert_array_equal(np.asarray(Image.open(page.picture(tmp_path / "p.png"))), picture)


def test_a_program_that_does_not_answer_for_each_page_is_an_error(tmp_path: Path) -> None:
    save(Page(np.full((40, 60), 200, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int8)), tmp_path, "page")
    pages = sets.labelled(tmp_path)
    with pytest.raises(RuntimeError, match="did not answer"):
        list(evaluate.by_artifact(["true"])(pages))


@pytest.mark.skipif("CHECKBOX_HOST" not in os.environ, reason="CHECKBOX_HOST does not name a built host-lambda")
def test_the_artifact_and_the_networks_alone_agree(tmp_path: Path) -> None:
    """On drawn pages, some of them faded: of a hundred boxes at most one differs (where two cells of a box rate it alike, another candidate is looked at), by little.

    Pages that are read in more than one way are left out: where two readings are equally sure, a rounding decides between them.
    """
    drawn, rng, numbers = 0, np.random.default_rng(50), settings()
    while drawn < 400:
        page = degrade(draw_page(rng), rng)
        grey = to_grey(page.image)
        level = resized(grey, working_size(*size_of(grey), numbers["scale"]))
        if len(page.boxes) and len(ways(level, numbers["upright"])) == 1:
            drawn += len(page.boxes)
            faded = grey if drawn % 2 else (grey // 4 + 90).astype(np.uint8)
            save(Page(faded, page.boxes, page.states), tmp_path, f"{drawn}")
    pages = sets.labelled(tmp_path)
    network = evaluate.by_network(networks(), numbers)(pages)
    artifact = evaluate.by_artifact([os.environ["CHECKBOX_HOST"], "count"])(pages)
    boxes = close = alone = 0
    for ours, theirs in zip(network, artifact, strict=True):
        a, b = ours.above(numbers["conf"]), theirs.above(numbers["conf"])
        to, _ = evaluate.match(b.boxes, a.boxes, np.zeros(len(a.boxes), np.int8), 0.5)
        hit = to >= 0
        boxes += len(a.boxes)
        alone += int((~hit).sum()) + len(a.boxes) - int(hit.sum())
        apart = np.abs(b.boxes[hit] - a.boxes[to[hit]]).max(1, initial=0)
        doubt = np.abs(b.confidence[hit] - a.confidence[to[hit]])
        same = (b.state[hit] > 0) == (a.state[to[hit]] > 0)
        close += int(((apart < 1) & (doubt < 0.05) & same).sum())
    assert boxes > 200
    assert close >= 0.99 * boxes
    assert alone <= 0.01 * boxes


def test_errors_of_all_sets_stand_together_by_kind() -> None:
    def tiles(count: int, grey: int) -> list[errors.Grey]:
        return [np.full((errors.TILE, errors.TILE, 3), grey, np.uint8)] * count

    sets = {
        "a": {"missed": tiles(errors.EACH + 5, 50), "false": [], "state": []},
        "b": {"missed": tiles(3, 100), "false": [], "state": tiles(1, 150)},
    }
    picture = errors.together(sets)
    bar = 30
    assert picture.shape == (2 * bar + 3 * errors.TILE, errors.COLUMNS * errors.TILE, 3)
    shown = [picture[bar + errors.TILE // 2 + row * errors.TILE, errors.TILE // 2 :: errors.TILE, 0] for row in (0, 1)]
    assert np.concatenate(shown).tolist() == [50] * errors.EACH + [100] * 3 + [255]
    assert picture[-errors.TILE // 2, errors.TILE // 2 :: errors.TILE, 0].tolist() == [150] + [255] * 7
