"""Screenshots of HTML: what can be told without a browser, and with one where it is there."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from model import browser_pages as bp
from model.page import EMPTY, FILLED, IGNORE, Page


def author(seed: int, kit: bp.Kit = bp.KITS[0]) -> bp.Author:
    return bp.Author(np.random.default_rng(seed), kit, bp.ICONS[0], ["house", "user"])


def test_kits_of_the_evaluation_draw_no_training_page() -> None:
    for group in (bp.KITS, bp.ICONS):
        apart = [{k.package for k in group if k.held_out == side} for side in (False, True)]
        assert all(apart)
        assert not apart[0] & apart[1]


def test_the_extent_is_what_differs_from_the_ground() -> None:
    image = np.full((60, 80, 3), 250, np.uint8)
    assert bp.extent(image) is None
    image[10:30, 20:45] = 90
    image[12:28, 22:43] = 255
    image[40, 70] = 240  # fainter than a quarter of the outline
    assert bp.extent(image) == (20, 10, 45, 30)


def test_every_control_says_its_state() -> None:
    for seed in range(30):
        page = author(seed)
        on, off = page.box(True), page.box(False)
        if page.boxes:
            assert f'data-state="{FILLED}"' in on
            assert f'data-state="{EMPTY}"' in off
            if page.typed:
                assert '"typed"></span>' in off
                assert '"typed"></span>' not in on
            else:
                assert "checked" in on
                assert "checked" not in off.replace('type="checkbox"', "")
        else:
            assert "checkbox" not in page.body()


def test_what_only_looks_like_a_checkbox_is_not_labelled_as_one() -> None:
    for seed in range(30):
        page = author(seed)
        for part in (page.legend, page.keys, page.comparison, page.bullets):
            assert 'class="probe"' not in (drawn := part())
            assert "<input" not in drawn
        low, high = (110, 220) if page.dark else (60, 165)
        colours = re.findall(r"background: rgb\((\d+),(\d+),(\d+)\)", page.legend())
        assert len(colours) >= 2
        for red, green, blue in colours:
            assert low - 1 < 0.299 * int(red) + 0.587 * int(green) + 0.114 * int(blue) < high + 1
    assert not {"X", "x", "\u25a1", "\u2713", "\u00d7"} & set(bp.KEYS)


def test_a_checked_control_differs_from_an_empty_one_and_a_radio_button_is_no_checkbox() -> None:
    assert len({k.name for k in bp.KITS}) == len(bp.KITS)
    for kit in bp.KITS:
        on, off = kit.control(True), kit.control(False)
        assert on != off
        assert "{" not in on + off
        assert bool(kit.package) == bool(kit.css)
        if kit.radio:
            assert "checkbox" not in kit.control(True, radio=True)
            assert "radio" in kit.control(False, radio=True)


def test_icons_that_may_show_a_box_are_left_out(tmp_path: Path) -> None:
    icons = bp.Icons("some-icons@1.0.0", "css/all.css", "si", "si-")
    sheet = bp.unpacked(tmp_path, icons.package) / "package" / "css" / "all.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text(
        '.si-house::before{content:"a"}.si-check-square::before{content:"b"}.si-user-tick{}.si-map,.si-atlas{}'
    )
    assert bp.icon_names(tmp_path, icons) == ["atlas", "house", "map"]


def test_worn_pages_keep_their_boxes_in_place() -> None:
    for seed in range(20):
        image = np.full((200, 300, 3), 255, np.uint8)
        image[80:110, 120:150] = 0
        page = Page(image, np.array([[120, 80, 150, 110]], np.float32), np.array([FILLED], np.int8))
        worn = bp.worn(page, np.random.default_rng(seed))
        x1, y1, x2, y2 = worn.boxes[0]
        if worn.states[0] == IGNORE:
            continue
        middle = worn.image[int((y1 + y2) / 2), int((x1 + x2) / 2)]
        assert float(np.mean(middle)) < 120


@pytest.mark.skipif(bp.browser_path() is None, reason=bp.MISSING)
def test_a_share_of_the_checked_boxes_stands_for_a_part() -> None:
    from playwright.sync_api import sync_playwright

    inputs = "".join(f"<span class='probe'><input type='checkbox' {on}></span>" for on in ["checked", ""] * 20)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=bp.browser_path(), args=["--no-sandbox", "--disable-gpu"]
        ) as browser,
    ):
        tab = browser.new_page()
        tab.set_content(inputs)
        counts = []
        for share in (0.0, 0.3, 1.0):
            tab.evaluate(bp.PARTLY, share)
            counts.append(tab.evaluate("document.querySelectorAll(':indeterminate').length"))
            assert tab.evaluate("[...document.querySelectorAll('input')].every(e => e.checked || !e.indeterminate)")
    assert counts == [0, 6, 20]


@pytest.mark.skipif(not bp.ready(bp.HERE / "work" / "kits"), reason=bp.MISSING)
@pytest.mark.parametrize("held_out", [False, True])
def test_labels_lie_on_what_the_browser_draws(held_out: bool) -> None:
    """Around each empty box there is an outline or a shade that its middle has not."""
    seen = 0
    with closing(bp.pages(np.random.default_rng(3), bp.HERE / "work" / "kits", held_out)) as pages:
        for _ in range(30):
            if seen > 10:
                break
            page = next(pages)
            for box, state in zip(page.boxes, page.states, strict=True):
                if state != EMPTY:
                    continue
                x1, y1, x2, y2 = (round(float(v)) for v in box)
                m = max(2, (x2 - x1) // 4)
                part = page.image[max(0, y1 - m) : y2 + m, max(0, x1 - m) : x2 + m]
                assert float(np.ptp(part)) >= 8
                seen += 1
    assert seen > 10


@pytest.mark.skipif(not bp.ready(bp.HERE / "work" / "kits"), reason=bp.MISSING)
@pytest.mark.parametrize("name", ["windows-98", "metro", "element"])
def test_a_box_is_found_where_the_kit_moves_it_in_tables(name: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    kit = next(k for k in bp.KITS if k.name == name)
    links = [bp.style_sheet(bp.HERE / "work" / "kits", kit.package, css) for css in kit.css.split()]
    page = next(a for a in map(lambda seed: author(seed, kit), range(99)) if a.boxes and not a.typed)
    cell = page.box(False)
    page.body = lambda: f"<div>{cell}</div><table class='table'><tr><td>{cell}</td><td>word</td></tr></table>"  # type: ignore[method-assign]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=bp.browser_path(), args=["--no-sandbox"])
        drawn = bp.shoot(browser.new_page(device_scale_factor=2), page, links, tmp_path / "page.html")
        browser.close()
    assert drawn is not None
    assert len(drawn.boxes) == 2
    for box in drawn.boxes.round().astype(int):
        x1, y1, x2, y2 = (int(v) for v in box)
        found = bp.extent(drawn.image[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2])
        assert found is not None
        assert np.abs(np.array(found) - [2, 2, x2 - x1 + 2, y2 - y1 + 2]).max() <= 2
