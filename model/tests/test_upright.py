"""Pages that lie on their side or slant."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from model import detect, upright
from model.tests.test_evaluate import NUMBERS, agrees
from model.upright import Grey, Lean, Turn

UPRIGHT = detect.settings()["upright"]


@pytest.fixture(scope="module")
def page() -> Grey:
    """A page of words, as large as it is looked at."""
    rng = np.random.default_rng(1)
    picture = Image.new("L", (420, 520), 255)
    font = ImageFont.load_default(8)
    for y in range(15, 500, 11):
        words = ["".join(rng.choice(list("aeoinrtdlgcsm"), rng.integers(2, 9))) for _ in range(12)]
        ImageDraw.Draw(picture).text((15 + int(rng.integers(20)), y), " ".join(words), 40, font)
    return np.asarray(picture)


@pytest.mark.parametrize("quarters", range(4))
def test_a_page_lies_as_it_was_turned(page: Grey, quarters: int) -> None:
    for degrees in (0.0, 4.0, -7.5, 12.0, -19.0):
        lean = upright.lean(upright.turned(page, Turn(quarters, degrees)))
        assert lean.degrees == pytest.approx(degrees, abs=0.8)
        assert lean.peak > 2.5
        assert abs(lean.sideways) > 0.25
        assert (lean.sideways > 0) == (quarters % 2 == 1)
        back = -lean.degrees if degrees else 0.0
        ways = [(1, back), (3, back)] if quarters % 2 else [(0, back)] if back else []
        assert upright.turns(lean, UPRIGHT) == [(0, 0.0), *ways]


def test_what_shows_no_lines_stays_as_it_is() -> None:
    rng = np.random.default_rng(2)
    for height, width in [(500, 400), (500, 48), (49, 49), (8, 8), (1, 1)]:
        assert upright.lean(np.full((height, width), 200, np.uint8)) == Lean(0, 0, 0, 0)
        noise = upright.lean(rng.integers(0, 256, (height, width)).astype(np.uint8))
        assert upright.turns(noise, UPRIGHT) == [Turn(0, 0.0)]


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("degrees", [0.0, 7.0, -13.0])
def test_what_is_turned_is_found_where_it_was(quarters: int, degrees: float) -> None:
    page = np.full((300, 200), 255, np.uint8)
    page[40:64, 30:50] = 0
    turn = Turn(quarters, degrees)
    y, x = np.nonzero(upright.turned(page, turn) < 128)
    shown = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
    found = upright.back(shown, turn, 200, 300)[0]
    assert (found[:2] + found[2:]) / 2 == pytest.approx([40, 52], abs=0.7)
    assert found[:2] == pytest.approx([30, 40]) if degrees == 0 else (found[:2] < [30, 40]).all()


def test_a_page_on_its_side_is_read_in_each_way() -> None:
    """A stand-in finder that sees a box at (10, 66), sure where it is dark: where the page is turned clockwise, from (66, 118)."""
    shown: list[tuple[int, ...]] = []

    def finder(x: detect.Floats) -> detect.Floats:
        shown.append(x.shape)
        out = np.full((1, 24, x.shape[2] // 8, x.shape[3] // 8), -9, np.float32)
        out[0, 8:] = 0.0  # 4 px each way
        out[0, 0, 8, 1] = 3.0 if x[0, 0, 66, 10] > 0.5 else -0.5
        return out

    page = np.full((128, 128), 255, np.uint8)
    page[:, np.arange(128) % 8 < 4] = 200
    page[104:, 56:80] = 0
    run = detect.Networks(finder, agrees)
    for sideways, middle in [(1.0, (10, 66)), (0.25, (66, 118))]:
        shown.clear()
        found = detect.detect(page, run, NUMBERS | {"upright": UPRIGHT | {"sideways": sideways}})
        assert len(shown) == found.checked == (1 if sideways == 1 else 3)
        assert found.pixels == len(shown) * 128 * 128
        assert (found.boxes[0, :2] + found.boxes[0, 2:]) / 2 == pytest.approx(middle, abs=1)


def test_of_the_ways_to_read_a_page_the_surest_is_right() -> None:
    """As it is, two unsure places that bear each other out; where it is turned clockwise, one that is surer than either."""

    def finder(x: detect.Floats) -> detect.Floats:
        out = np.full((1, 24, x.shape[2] // 8, x.shape[3] // 8), -9, np.float32)
        out[0, 8:] = 0.0  # 4 px each way
        for column, logit in ((1, 4.0), (4, 0.2), (10, 0.2)):
            if x[0, 0, 66, 8 * column + 2] > 0.5:
                out[0, 0, 8, column] = logit
        return out

    page = np.full((128, 128), 255, np.uint8)
    page[:, np.arange(128) % 8 < 4] = 200
    page[62:70, 30:38] = page[62:70, 78:86] = page[114:122, 62:70] = 0
    calibration = {"finder": 1.0, "verifier": 0.0, "alike": 8.0, "offset": 0.0}
    numbers = NUMBERS | {"upright": UPRIGHT | {"sideways": 0.25}, "calibration": calibration}
    found = detect.detect(page, detect.Networks(finder, agrees), numbers)
    assert (found.boxes[:, :2] + found.boxes[:, 2:]).tolist() == [pytest.approx([132, 236], abs=2)]
