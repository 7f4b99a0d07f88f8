"""Snapping widgets to what is printed; with the corpus present, reading it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from model import corpus, draw
from model.page import EMPTY, FILLED


def page(*squares: tuple[int, int, int, int], line: int = 3) -> corpus.Array:
    image = np.full((200, 300), 255, np.uint8)
    for x1, y1, x2, y2 in squares:
        image[y1:y2, x1:x2] = 0
        image[y1 + line : y2 - line, x1 + line : x2 - line] = 255
    return image


def test_a_shifted_widget_snaps_to_the_outer_edge_of_the_outline() -> None:
    image = page((100, 60, 140, 100))
    assert corpus.snap(image, (106, 66, 148, 106), 18, 104) == (100, 60, 140, 100)


def test_a_table_cell_around_the_box_is_not_taken_for_it() -> None:
    image = page((100, 60, 140, 100))
    cv2.rectangle(image, (80, 40), (170, 110), 0, 2)
    assert corpus.snap(image, (102, 62, 138, 98), 18, 104) == (100, 60, 140, 100)


def test_a_light_square_on_shade_is_found() -> None:
    image = np.full((200, 300), 200, np.uint8)
    image[60:100, 100:140] = 255
    found = corpus.snap(image, (103, 62, 139, 99), 18, 104)
    assert found is not None
    np.testing.assert_allclose(found, (100, 60, 140, 100), atol=1)


def test_wide_boxes_bare_paper_and_far_squares_do_not_snap() -> None:
    assert corpus.snap(page((100, 60, 190, 100)), (100, 60, 190, 100), 18, 104) is None
    assert corpus.snap(page(), (100, 60, 140, 100), 18, 104) is None
    assert corpus.snap(page((100, 60, 140, 100)), (150, 110, 190, 150), 18, 104) is None


def test_circles_are_round_and_squares_are_not() -> None:
    image = np.full((200, 300), 255, np.uint8)
    cv2.circle(image, (120, 80), 20, 0, 3)
    assert corpus.is_round(image, (98, 58, 140, 100))
    assert not corpus.is_round(page((100, 60, 140, 100)), (98, 58, 142, 102))
    assert not corpus.is_round(page(), (98, 58, 142, 102))


def test_ovals_and_slots_around_a_widget_are_no_boxes() -> None:
    box = (100, 60, 130, 90)
    oval = np.full((200, 300), 255, np.uint8)
    cv2.ellipse(oval, (115, 75), (36, 20), 0, 0, 360, 0, 2)
    assert corpus.in_oval_or_slot(oval, box)
    assert corpus.in_oval_or_slot(page((85, 55, 145, 95)), box)  # 60 by 40
    assert not corpus.in_oval_or_slot(page(box), box)
    assert not corpus.in_oval_or_slot(page((20, 20, 280, 180)), box)  # a table cell


def test_square_outlines_are_listed_and_letters_are_not() -> None:
    image = page((20, 20, 180, 190), (100, 60, 140, 100))
    cv2.putText(image, "DO", (200, 100), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 4)
    found = corpus.square_outlines(image, 18, 104)
    assert len(found) == 1
    np.testing.assert_allclose(found[0], (100, 60, 140, 100), atol=3)


def test_no_held_out_source_is_trained_on() -> None:
    assert corpus.held_out_set("ayouubmzariiii/DP-Last") == "french"
    assert corpus.held_out_set("Hopding/pdf-lib") is None
    sources = [s for group in corpus.HELD_OUT.values() for s in group]
    assert len(sources) == len(set(sources))


def test_a_missing_corpus_is_reported(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUS", str(tmp_path))
    assert corpus.corpus_root() is None


@pytest.fixture(scope="module")
def form() -> corpus.Form:
    root = corpus.corpus_root()
    if root is None:
        pytest.skip(corpus.ABSENT)
    entry = next(e for e in corpus.entries(root) if "EmergencyOrderOfProtection" in e.source and e.complete)
    return corpus.open_form(entry)


def test_widgets_switch_on_and_only_in_their_place(form: corpus.Form) -> None:
    assert len(form.boxes) > 5
    off = form.page(1200, np.zeros(len(form.boxes), bool))
    assert set(off.states.tolist()) == {EMPTY}
    chosen = np.arange(len(form.boxes)) % 3 == 0
    on = form.page(1200, chosen)
    changed = [
        bool((off.image[int(y1) : int(y2), int(x1) : int(x2)] != on.image[int(y1) : int(y2), int(x1) : int(x2)]).any())
        for x1, y1, x2, y2 in on.boxes
    ]
    assert ((on.states == FILLED) == chosen).all()
    assert changed == chosen.tolist()


def test_training_pages_have_labels_that_lie_on_the_page(form: corpus.Form) -> None:
    made = draw.from_form(form, np.random.default_rng(4))
    h, w = made.image.shape[:2]
    assert (made.boxes >= 0).all()
    assert (made.boxes <= np.array([w, h, w, h])).all()
    assert len(made.states) == len(made.boxes) > 5
