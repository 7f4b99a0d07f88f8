"""The drawn data is what its labels say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model.alt_pages import draw_alt_page
from model.canvas import BoxStyle, Canvas, draw_box, random_box_style
from model.degrade import degrade
from model.fonts import Face, book
from model.marks import KINDS, STRAYS, draw_mark, draw_stray
from model.page import EMPTY, FILLED, IGNORE, Page
from model.pages import draw_page, sheet
from model.restyle import restyle
from model.vehicles import vehicles

SEEDS = range(12)


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return [draw_page(np.random.default_rng([7, seed])) for seed in SEEDS]


def patch(page: Page, i: int, margin: float = 0) -> np.ndarray:
    x1, y1, x2, y2 = page.boxes[i]
    return page.image[
        max(0, int(y1 - margin)) : int(np.ceil(y2 + margin)),
        max(0, int(x1 - margin)) : int(np.ceil(x2 + margin)),
    ]


def test_same_seed_same_page() -> None:
    a, b = (degrade(draw_page(np.random.default_rng(3)), np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.boxes, b.boxes)
    assert np.array_equal(a.states, b.states)
    assert not np.array_equal(a.image.shape, (0, 0))
    c = draw_alt_page(np.random.default_rng(5))
    assert np.array_equal(c.image, draw_alt_page(np.random.default_rng(5)).image)


def test_pages_are_well_formed(pages: list[Page]) -> None:
    pages = pages + [draw_alt_page(np.random.default_rng([9, seed])) for seed in SEEDS]
    for page in pages:
        h, w = page.image.shape[:2]
        assert page.image.dtype == np.uint8
        assert page.boxes.dtype == np.float32
        assert page.boxes.shape == (len(page.states), 4)
        assert page.states.dtype == np.int8
        assert set(page.states.tolist()) <= {EMPTY, FILLED, IGNORE}
        assert (page.boxes[:, :2] >= 0).all()
        assert (page.boxes[:, 2] <= w).all()
        assert (page.boxes[:, 3] <= h).all()
        assert (page.boxes[:, 2:] > page.boxes[:, :2]).all()
    assert sum(len(p.boxes) for p in pages) > 200
    assert {EMPTY, FILLED} <= {int(s) for p in pages for s in p.states}


def test_boxes_lie_on_something_visible(pages: list[Page]) -> None:
    seen = [int(np.ptp(patch(p, i, 2))) for p in pages for i in range(len(p.boxes)) if p.states[i] != IGNORE]
    assert np.mean(np.array(seen) >= 25) > 0.98
    assert min(seen) >= 8


def test_edges_of_boxes_are_tight(pages: list[Page]) -> None:
    """Seen from outside, the grey changes within a pixel and a half of the labelled edge for nearly all empty boxes."""
    hits, total = 0, 0
    for page in pages:
        grey = page.image.astype(int)
        h, w = grey.shape
        for (x1, y1, x2, y2), state in zip(page.boxes, page.states, strict=True):
            if state != EMPTY or x1 < 4 or y1 < 4 or x2 > w - 4 or y2 > h - 4:
                continue
            middle = int((y1 + y2) / 2)
            rows = grey[middle - 1 : middle + 2]
            change = np.abs(np.diff(rows, axis=1)).max(0)
            for edge in (x1, x2):
                e = round(float(edge))
                hits += change[max(0, e - 3) : e + 2].max() >= 8
                total += 1
    assert total > 300
    assert hits / total > 0.95


def test_some_pages_have_no_checkbox() -> None:
    counts = [len(draw_page(np.random.default_rng([11, seed])).boxes) for seed in range(40)]
    assert 2 <= counts.count(0) <= 18


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [9, 18, 40])
def test_marks_leave_ink_in_or_at_the_box(kind: str, side: int) -> None:
    for seed in range(8):
        image = np.full((200, 260), 255, np.uint8)
        box = (100.0, 90.0, 100.0 + side, 90.0 + side)
        out = draw_mark(image, box, np.random.default_rng([side, seed]), kind=kind)
        assert out is image
        near = image[90 - side // 4 : 90 + side + side // 4, 100 - side // 4 : 100 + side + side // 4]
        assert near.min() < 215, (kind, seed)


@pytest.mark.parametrize("kind", STRAYS)
def test_strays_leave_most_of_the_box_white(kind: str) -> None:
    light = 0
    for seed in range(10):
        image = np.full((200, 260), 255, np.uint8)
        draw_stray(image, (100, 90, 120, 110), np.random.default_rng(seed), kind=kind)
        light += float((image[93:107, 103:117] > 140).mean()) > 0.7
    assert light >= 8


def test_marks_take_colour_and_refuse_nonsense() -> None:
    image = np.full((60, 60, 3), 255, np.uint8)
    for seed in range(6):
        draw_mark(image, (20, 20, 40, 40), np.random.default_rng(seed))
    assert image.min() < 128
    with pytest.raises(ValueError, match="no such mark"):
        draw_mark(image, (20, 20, 40, 40), np.random.default_rng(0), kind="doodle")
    with pytest.raises(ValueError, match="no such stray"):
        draw_stray(image, (20, 20, 40, 40), np.random.default_rng(0), kind="doodle")


def test_a_mark_at_the_edge_stays_on_the_page() -> None:
    image = np.full((50, 50), 255, np.uint8)
    for seed in range(20):
        draw_mark(image, (42, -5, 60, 13), np.random.default_rng(seed))
        draw_stray(image, (42, -5, 60, 13), np.random.default_rng(seed))
    assert image.shape == (50, 50)


def lone_squares(image: np.ndarray) -> int:
    """Outlines that touch nothing else and have four straight sides, right angles and equal lengths: checkboxes, that is."""
    found = 0
    for outline in cv2.findContours((image < 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        (_, (w, h), _) = cv2.minAreaRect(outline)
        if min(w, h) < 8:
            continue
        corners = cv2.approxPolyDP(outline, 0.05 * cv2.arcLength(outline, True), True)
        found += len(corners) == 4 and 0.88 < w / h < 1.14 and cv2.contourArea(outline) / (w * h) > 0.93
    return found


def test_vehicles_are_drawn_and_leave_no_square_alone() -> None:
    square = Canvas(60, 60)
    square.frame(20, 20, 40, 40, 1.5, 0)
    assert lone_squares(square.image) == 1  # the measure itself sees one
    for seed in range(80):
        canvas = Canvas(500, 300)
        below = vehicles(canvas, 20, 20, 460, 16, 0, np.random.default_rng([5, seed]))
        assert below > 20
        assert canvas.image.min() < 128
        assert lone_squares(canvas.image) == 0, seed


def squares(rng: np.random.Generator) -> Page:
    """A white page with solid black squares, labelled."""
    image = np.full((700, 600), 255, np.uint8)
    boxes = []
    for y in range(40, 660, 90):
        for x in range(40, 560, 90):
            s = int(rng.integers(14, 34))
            image[y : y + s, x : x + s] = 0
            boxes.append((x, y, x + s, y + s))
    return Page(image, np.array(boxes, np.float32), np.full(len(boxes), FILLED, np.int8))


def test_restyled_boxes_stand_in_the_places_of_the_old_ones() -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        image = np.full((120, 200), 255, np.uint8)
        old = np.array([[20, 20, 44, 44], [80, 20, 104, 44], [140, 20, 164, 44]], np.float32)
        for x1, y1, x2, y2 in old.astype(int):
            image[y1:y2, x1:x2] = 0
            image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2] = 255
        states = np.array([EMPTY, EMPTY, IGNORE], np.int8)
        before = image.copy()
        page = restyle(Page(image, old, states), np.array([True, False, True]), rng, book(0))
        assert page.states.tolist() == [FILLED, EMPTY, IGNORE]
        centres, olds = ((b[:, :2] + b[:, 2:]) / 2 for b in (page.boxes, old))
        assert np.abs(centres - olds).max() < 6
        assert (page.image[:, 115:] == before[:, 115:]).all(), "what is to be ignored stays as it is"
        for i in range(2):
            x1, y1, x2, y2 = page.boxes[i].round().astype(int)
            assert page.image[y1 - 1 : y2 + 1, x1 - 1 : x2 + 1].std() > 2, "something is drawn"


@pytest.mark.parametrize("paper", [0, 10, 60, 250])
def test_a_box_without_an_outline_is_of_another_grey_than_its_paper(paper: int) -> None:
    for seed in range(40):
        style = random_box_style(np.random.default_rng(seed), 20, 0, paper, True, [], "none")
        assert abs(style.fill - paper) > 10, seed


@pytest.mark.parametrize("kind", ["bold", "thick"])
@pytest.mark.parametrize("paper", [25, 245])
def test_restyled_boxes_are_outlined_in_an_ink_that_shows_on_their_paper(kind: str, paper: int) -> None:
    for seed in range(12):
        # Most of the page is of another grey than what is around the box.
        image = np.full((80, 120), 255 - paper, np.uint8)
        image[10:70, 10:70] = paper
        box = np.array([[28, 28, 52, 52]], np.float32)
        page = restyle(
            Page(image, box, np.array([EMPTY], np.int8)), np.array([False]), np.random.default_rng(seed), book(0), kind
        )
        x1, y1, x2, y2 = page.boxes[0].round().astype(int)
        inside = page.image[y1:y2, x1:x2].astype(int) - paper
        outline = float(np.median(np.concatenate([inside[1], inside[-2], inside[:, 1], inside[:, -2]])))
        assert (outline if paper < 110 else -outline) > 30, seed


def test_degraded_boxes_follow_the_picture() -> None:
    dark, total = 0, 0
    for seed in range(30):
        rng = np.random.default_rng([1, seed])
        page = degrade(squares(rng), rng)
        grey = page.image if page.image.ndim == 2 else page.image.mean(2)
        for (x1, y1, x2, y2), state in zip(page.boxes, page.states, strict=True):
            if state == IGNORE:
                continue
            cx, cy = int((x1 + x2) / 2), int((y1 + y2) / 2)
            around = grey[max(0, int(y1) - 12) : int(y2) + 12, max(0, int(x1) - 12) : int(x2) + 12]
            dark += float(grey[cy - 2 : cy + 3, cx - 2 : cx + 3].mean()) < float(around.max()) - 30
            total += 1
    assert total > 800
    assert dark / total > 0.99


def test_degraded_edges_stay_within_two_pixels() -> None:
    """Bounds of the dark blob against the label, where the degradation left black and white apart."""
    errors = []
    for seed in range(30):
        rng = np.random.default_rng([2, seed])
        page = degrade(squares(rng), rng)
        grey = page.image.astype(float) if page.image.ndim == 2 else page.image.mean(2)
        for (x1, y1, x2, y2), state in zip(page.boxes, page.states, strict=True):
            if state == IGNORE or x1 < 9 or y1 < 9 or x2 > 590 or y2 > 690:
                continue
            part = grey[int(y1) - 8 : int(y2) + 9, int(x1) - 8 : int(x2) + 9]
            low, high = np.percentile(part, (10, 80))
            if high - low < 90:
                continue
            ys, xs = np.nonzero(part < (low + high) / 2)
            errors.append(abs(float(xs.min()) + int(x1) - 8 - x1))
            errors.append(abs(float(ys.max()) + 1 + int(y1) - 8 - y2))
    assert len(errors) > 500
    assert np.percentile(errors, 80) < 2.0


def test_a_vanished_box_is_ignored() -> None:
    """Boxes far paler than the text: whenever a threshold leaves nothing of them, they must not stay labels."""
    kept, gone = 0, 0
    for seed in range(250):
        rng = np.random.default_rng([3, seed])
        image = np.full((200, 300), 255, np.uint8)
        image[20:40, 20:280:3] = 0
        image[100:120, 100:120] = 225
        image[102:118, 102:118] = 255
        page = Page(image, np.array([[100, 100, 120, 120]], np.float32), np.array([EMPTY], np.int8))
        out = degrade(page, rng)
        for box, state in zip(out.boxes, out.states, strict=True):
            x1, y1, x2, y2 = box.astype(int)
            part = out.image[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2]
            if np.ptp(part) < 4:
                gone += 1
                assert state == IGNORE
            elif state == EMPTY:
                kept += 1
    assert gone >= 3
    assert kept > 100


def test_clean_pages_lose_no_box(pages: list[Page]) -> None:
    """Nearly clean degradation, the first third, hardly ever ignores a box."""
    before = after = 0
    for k, page in enumerate(pages):
        for seed in range(40):
            rng = np.random.default_rng([k, seed])
            if np.random.default_rng([k, seed]).random() > 0.3:
                continue
            out = degrade(page, rng)
            before += int((page.states != IGNORE).sum())
            after += int((out.states != IGNORE).sum())
            break
    assert after > 0.93 * before > 0


def test_faces_know_their_glyphs() -> None:
    face = Face("", 0, "x", "Regular", "20-7e a1 c0-ff")
    assert face.has("Aé~")
    assert not face.has("\u2610")
    assert not face.has("a\u00a0")
    train, held = book(0), book(1)
    families = lambda b: {f.family for group in b.text.values() for family in group for f in family}  # noqa: E731
    shared = families(train) & families(held)
    assert shared <= {"Pillow"}


def test_any_style_can_be_drawn() -> None:
    fonts = book(0)
    rng = np.random.default_rng(0)
    for _ in range(300):
        style = random_box_style(rng, 18, 0, 255, bool(rng.random() < 0.5), fonts.symbols)
        assert 0 < style.line <= (0.3 if style.border == "solid" else 0.2) * 18 + 1e-6
        assert 0.7 < style.aspect < 1.5
    canvas = Canvas(20, 10)
    canvas.bar(2.5, 1, 4, 3, 0)
    assert canvas.image[1, 2] == 128
    assert canvas.image[1, 3] == 0
    assert canvas.image[3].min() == 255


def test_a_glossy_box_is_darker_in_its_lower_half() -> None:
    rng, fonts = np.random.default_rng(0), book(0)
    style = BoxStyle("solid", 1, 100, 250, 0, 0, 1, "tick", 0, -1, 1, gloss=30)
    canvas = Canvas(40, 40)
    draw_box(canvas, 10, 10, 20, style, False, rng, fonts.symbols, fonts.pick(rng))
    assert canvas.image[[10, 12, 18, 22, 28, 29], 20].tolist() == [100, 250, 250, 220, 220, 100]


def test_sheet_shows_all_pages(pages: list[Page]) -> None:
    picture = sheet(pages[:4], columns=2, width=100)
    assert picture.shape == (2 * (133 + 6), 2 * 106, 3)
