"""Decoding, suppression, tiles, matching and the figures made of them."""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import detect, evaluate
from model.degrade import degrade
from model.detect import onnx_runner, settings
from model.draw import to_grey
from model.export import DEFAULTS
from model.page import EMPTY, FILLED, IGNORE, Page, save
from model.pages import draw_page

PLAIN = {"a": 1.0, "b": 0.0}
NUMBERS = {
    **DEFAULTS,
    "scale": {"max_aspect": 1.6, "max_enlargement": 3.0, "overlap": 40},
    "looks": [{"long_side": 128, "calibration": PLAIN}],
}


def test_decode_reads_the_documented_order() -> None:
    out = np.zeros((1, 24, 4, 4), np.float32)
    out[0, 0:4] = -9
    row, column, dy, dx = 2, 1, 1, 0
    for c, value in enumerate([3.0, -2.0, math.log(1), math.log(2), math.log(3), math.log(4)]):
        out[0, c * 4 + dy * 2 + dx, row, column] = value
    found = detect.decode(out, 0.0)
    assert found.logit.tolist() == [3.0]
    assert found.state.tolist() == [-2.0]
    cx, cy = (2 * column + dx + 0.5) * 4, (2 * row + dy + 0.5) * 4
    np.testing.assert_allclose(found.boxes[0], [cx - 4, cy - 8, cx + 12, cy + 16], rtol=1e-5)


def test_suppression_keeps_the_best_and_its_neighbours() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [10, 0, 20, 10], [12, 2, 18, 8], [40, 0, 50, 10]], np.float32)
    score = np.array([0.8, 0.9, 0.7, 0.6, 0.1], np.float32)
    assert detect.suppress(boxes, score, 0.3).tolist() == [1, 2, 4]  # 0 overlaps 1; 3 lies inside 2
    assert detect.suppress(boxes[:0], score[:0], 0.3).tolist() == []


@pytest.mark.parametrize("length", [100, 128, 129, 216, 217, 1000])
def test_spans_cover_and_overlap(length: int) -> None:
    spans = detect.spans(length, 128, 40)
    assert spans[0][0] == 0
    assert spans[-1][0] + spans[-1][1] == length
    assert all(size <= 128 for _, size in spans)
    for (a, size), (b, _) in itertools.pairwise(spans):
        assert a + size - b >= 40


def test_a_box_on_a_seam_is_found_once_and_in_place() -> None:
    """A stand-in network that sees a box at each dark square; two of them lie on the seams of 128 px tiles."""

    def stand_in(x: detect.Floats) -> detect.Floats:
        h, w = x.shape[2] // 8, x.shape[3] // 8
        out = np.full((1, 24, h, w), -9, np.float32)
        out[0, 8:] = 0.0  # 4 px each way
        for y, xx in zip(*np.nonzero(x[0, 0] > 0.5), strict=True):
            if x[0, 0, y - 1, xx] < 0.5 and x[0, 0, y, xx - 1] < 0.5:
                out[0, (y // 4 % 2) * 2 + xx // 4 % 2, y // 8, xx // 8] = 5
        return out

    image = np.full((300, 80), 255, np.uint8)
    for y in (20, 96, 104, 168, 250):
        image[y : y + 4, 40:44] = 0
    found = detect.detect(image, stand_in, NUMBERS)
    # Tiles start anywhere, cells every 4 px: the stand-in's boxes are right to a cell.
    middles = sorted((b[1] + b[3]) / 2 for b in found.boxes)
    np.testing.assert_allclose(middles, [22, 98, 106, 170, 252], atol=3)


def test_small_pictures_are_enlarged_but_not_without_end() -> None:
    scale = {"max_aspect": 1.6, "max_enlargement": 3.0}
    assert detect.working_size(850, 1100, 1280, scale) == (989, 1280)
    assert detect.working_size(200, 100, 1280, scale) == (600, 300)
    assert detect.working_size(500, 5000, 1280, scale) == (800, 8000)


def test_the_places_in_doubt_are_read_again() -> None:
    """A stand-in network that sees boxes below each other at the first size, with a logit that the test sets, and one else."""
    numbers = NUMBERS | {
        "looks": [{"long_side": 64, "calibration": PLAIN}, {"long_side": 256, "calibration": {"a": 2.0, "b": 1.0}}],
        "doubt": {"from": 0.2, "to": 0.8, "carried": 0.25, "window": 128, "margin": 24},
    }
    seen: list[int] = []

    def stand_in(first: float, boxes: int = 1) -> detect.Runner:
        def run(x: detect.Floats) -> detect.Floats:
            seen.append(x.shape[2])
            h, w = x.shape[2] // 8, x.shape[3] // 8
            out = np.full((1, 24, h, w), -9, np.float32)
            out[0, 8:] = 0.0  # 4 px each way
            if x.shape[2] == 64:
                out[0, 0, (h // 2 + 2 * np.arange(boxes)) % h, w // 2] = first
            else:
                out[0, 0, h // 2, w // 2] = 3
            return out

        return run

    page = np.full((640, 640), 255, np.uint8)
    for logit, sizes, confidence in [(2.0, [64], 0.881), (1.0, [64, 128], 0.993), (-1.0, [64, 128], 0.993)]:
        seen.clear()
        found = detect.detect(page, stand_in(logit), numbers, 0.5)
        assert seen == sizes
        np.testing.assert_allclose(found.confidence, [confidence], atol=1e-3)
    seen.clear()
    assert not len(detect.detect(page, stand_in(-2.0), numbers, 0.5).boxes)
    assert seen == [64], "sure that there is none"
    seen.clear()
    detect.detect(page, stand_in(1.0, boxes=4), numbers, 0.5)
    assert seen == [64, 256], "full of doubt: read whole"
    seen.clear()
    detect.detect(page, stand_in(2.0), numbers, 0.5, only=1)
    assert seen == [256]
    seen.clear()
    detect.detect(np.full((16, 16), 255, np.uint8), stand_in(1.0), numbers, 0.5)
    assert seen == [64], "what is enlarged no further is not read again"


def test_windows_show_each_box_with_what_is_around_it() -> None:
    rng = np.random.default_rng(3)
    for size in [(1236, 1600), (100, 90), (1600, 300)]:
        for count in (0, 1, 3, 40):
            side = rng.uniform(8, 50, (count, 1))
            corner = rng.uniform(0, 1, (count, 2)) * (np.array(size) - side)
            boxes = np.concatenate([corner, corner + side], 1).astype(np.float32)
            tiles = detect.windows(boxes, size, 320, 64)
            assert len(tiles) <= count
            shown = np.zeros(count, bool)
            for tile in tiles:
                assert tile.x % 32 == tile.y % 32 == 0
                assert tile.x + tile.width <= size[0]
                assert tile.y + tile.height <= size[1]
                assert max(tile.width, tile.height) <= 320
                shown |= detect.within(tile, boxes, 2 * detect.SEAM, size)
            assert shown.all()
    large = detect.windows(np.array([[400, 400, 700, 700]], np.float32), (1236, 1600), 320, 64)
    assert [(tile.width, tile.height) for tile in large] == [(428, 428)]


def test_a_look_carries_a_share_of_what_the_one_before_saw() -> None:
    numbers = {"doubt": {"from": 0.2, "to": 0.8, "carried": 0.25}, "nms_iou": 0.3}
    before = found([[0, 0, 10, 10], [40, 0, 50, 10], [60, 0, 70, 10]], [0.9, 0.3, 0.1], [-4, 4, 4])
    now = found([[1, 0, 11, 10], [40, 0, 50, 10], [60, 0, 70, 10], [80, 0, 90, 10]], [0.7, 0.6, 0.9, 0.1], [2, 2, 2, 2])
    both = detect.carried(now, before, numbers)
    logit = {c: float(np.log(c / (1 - c))) for c in (0.1, 0.2, 0.3, 0.6, 0.7, 0.9)}
    assert both.boxes[:, 0].tolist() == [60, 1, 40, 80]
    mixed = [(0.9, 0.2), (0.7, 0.9), (0.6, 0.3)]  # what it saw at 60 is less than anything in doubt
    np.testing.assert_allclose(both.logit[:3], [0.75 * logit[a] + 0.25 * logit[b] for a, b in mixed], rtol=1e-5)
    np.testing.assert_allclose(both.logit[3], logit[0.1], rtol=1e-5)
    assert both.state.tolist() == [2, 0.5, 2.5, 2]
    assert not len(detect.carried(found([], [], []), before, numbers).boxes)


def test_matching_ignores_what_is_to_be_ignored() -> None:
    truth = np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32)
    states = np.array([EMPTY, IGNORE], np.int8)
    found = np.array([[1, 0, 11, 10], [0, 1, 10, 11], [51, 0, 61, 10], [80, 0, 90, 10]], np.float32)
    to, ignored = evaluate.match(found, truth, states, 0.3)
    assert to.tolist() == [0, -1, -1, -1]  # the second meets a box already taken
    assert ignored.tolist() == [False, False, True, False]


def found(boxes: list[list[float]], confidence: list[float], state: list[float]) -> detect.Found:
    sure = np.array(confidence, np.float32)
    return detect.Found(
        np.array(boxes, np.float32).reshape(-1, 4), sure, np.log(sure / (1 - sure)), np.array(state, np.float32)
    )


def test_figures_of_a_page() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]], np.float32)
    states = np.array([EMPTY, FILLED, EMPTY, FILLED], np.int8)
    tally = evaluate.Tally()
    page = found(
        [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [90, 0, 99, 9], [60, 0, 70, 10]],
        [0.9, 0.9, 0.8, 0.7, 0.2],
        [-1, -1, -1, 1, 1],
    )
    tally.add(evaluate.Labelled(Path("a"), truth, states), page, 0.5)
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


def test_platt_recovers_known_numbers() -> None:
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 3, 40_000).astype(np.float32)
    good = rng.random(40_000) < 1 / (1 + np.exp(-(0.7 * logit + 0.5)))
    a, b = evaluate.platt(logit, good, np.ones(40_000, np.float32))
    assert a == pytest.approx(0.7, abs=0.05)
    assert b == pytest.approx(0.5, abs=0.05)
    p = (1 / (1 + np.exp(-(a * logit + b)))).astype(np.float32)
    assert evaluate.reliability(p, good)[0] < 0.02
    assert evaluate.reliability(p, ~good)[0] > 0.2


def test_a_look_is_calibrated_anew_from_what_it_was() -> None:
    """Boxes of a page are right as sigmoid(logit) says although the look has another slope: the slope stays."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.05, 0.95, 4000)
    right = rng.random(4000) < confidence
    at = np.arange(4000)[:, None] * 20.0
    boxes = np.hstack([at, at * 0, at + 10, at * 0 + 10]).tolist()
    tally = evaluate.Tally()
    truth = np.array([box for box, there in zip(boxes, right, strict=True) if there], np.float32)
    page = evaluate.Labelled(Path("a"), truth, np.full(len(truth), EMPTY, np.int8))
    tally.add(page, found(boxes, confidence.tolist(), [-1.0] * 4000), 0.5)
    look = evaluate.recalibrated({"long_side": 64, "calibration": {"a": 3.0, "b": -2.0}}, {"set": tally})
    assert look["long_side"] == 64
    assert look["calibration"]["a"] == pytest.approx(3.0, abs=0.3)
    assert look["calibration"]["b"] == pytest.approx(-2.0, abs=0.3)


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
    page, form = evaluate.labelled(tmp_path)
    assert page.states.tolist() == [FILLED]
    assert form.states.tolist() == [FILLED, EMPTY, IGNORE]
    np.testing.assert_array_equal(form.image(), picture)
    assert form.picture(tmp_path / "no.png") == tmp_path / "form.png"
    np.testing.assert_array_equal(np.asarray(Image.open(page.picture(tmp_path / "p.png"))), picture)


def test_a_program_that_does_not_answer_for_each_page_is_an_error(tmp_path: Path) -> None:
    save(Page(np.full((40, 60), 200, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int8)), tmp_path, "page")
    pages = evaluate.labelled(tmp_path)
    with pytest.raises(RuntimeError, match="did not answer"):
        list(evaluate.by_artifact(["true"])(pages))


@pytest.mark.skipif("CHECKBOX_HOST" not in os.environ, reason="CHECKBOX_HOST does not name a built host-lambda")
def test_the_artifact_and_the_network_alone_agree(tmp_path: Path) -> None:
    """On drawn pages: of a hundred boxes at most one differs (where two cells of a box rate it alike), by little."""
    drawn, rng = 0, np.random.default_rng(50)
    while drawn < 400:
        page = degrade(draw_page(rng), rng)
        if len(page.boxes):
            drawn += len(page.boxes)
            save(Page(to_grey(page.image), page.boxes, page.states), tmp_path, f"{drawn}")
    pages, numbers = evaluate.labelled(tmp_path), settings()
    network = evaluate.by_network(onnx_runner(evaluate.HERE / "checkbox.onnx"), numbers)(pages)
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
