"""Pages out of packages: what is fetched for them, and how their document labels them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from model import browser_pages, demos
from model.page import EMPTY, FILLED, IGNORE


@pytest.mark.parametrize(
    ("address", "package", "file"),
    [
        ("https://cdn.jsdelivr.net/npm/vue@3/dist/vue.js", "vue@3", "dist/vue.js"),
        ("https://unpkg.com/@scope/thing", "@scope/thing@latest", ""),
        ("https://cdnjs.cloudflare.com/ajax/libs/twitter-bootstrap/3.3.7/css/bootstrap.css", "bootstrap@3.3.7", "css/bootstrap.css"),
        ("https://code.jquery.com/jquery-3.6.0.min.js", "jquery@3.6.0", "dist/jquery.min.js"),
    ],
)  # fmt: skip
def test_what_a_cdn_serves_is_taken_from_npm(address: str, package: str, file: str) -> None:
    assert demos.on_npm(address) == (package, file)


def test_nothing_else_is_let_through() -> None:
    assert demos.on_npm("https://example.com/script.js") is None
    assert demos.on_npm("https://cdn.jsdelivr.net/gh/somebody/something/script.js") is None


def test_a_package_is_held_out_in_all_its_versions() -> None:
    names = [f"package{k}" for k in range(200)]
    assert [demos.held_out(f"{n}@1.0.0") for n in names] == [demos.held_out(f"{n}@2.3.4") for n in names]
    assert 20 < sum(demos.held_out(f"{n}@1.0.0") for n in names) < 80


def test_the_list_names_packages_once_and_with_a_version() -> None:
    packages = demos.read_list()
    assert packages
    assert len(set(packages)) == len(packages)
    assert all(package.rpartition("@")[0] for package in packages)


def shot(folder: Path, places: list[dict[str, object]], scale: float = 2) -> Path:
    stripes = np.zeros((200, 300), np.uint8)  # something shows everywhere but at the right
    stripes[::4] = 255
    stripes[:, 200:] = 255
    cv2.imwrite(str(folder / "a.png"), stripes)
    (folder / "a.json").write_text(json.dumps({"package": "a@1", "scale": scale, "places": places}))
    return folder / "a.png"


def place(
    kind: str, r: list[float], on: bool = False, names: str = "", label: tuple[list[float], ...] = ()
) -> dict[str, object]:
    return {"kind": kind, "on": on, "r": r, "names": names, "label": label}


def test_a_control_is_labelled_where_the_browser_draws_it(tmp_path: Path) -> None:
    page = demos.page_of(
        shot(tmp_path, [place("native", [10, 20, 23, 33]), place("native", [40, 20, 80, 33], on=True)])
    )
    assert page.boxes.tolist() == [
        [20, 40, 46, 66],
        [107, 40, 133, 66],
    ]  # in pixels of the screen; square, in the middle
    assert page.states.tolist() == [EMPTY, FILLED]


def test_what_hardly_shows_or_is_drawn_by_a_style_sheet_is_ignored(tmp_path: Path) -> None:
    places = [
        place("native", [-8, 20, 5, 33]),
        place("native", [10, 200, 23, 213]),  # below the screen
        place("native", [120, 20, 133, 33]),  # nothing shows
        place("hidden", [0, 0, 0, 0], label=([50, 50, 90, 60],)),
        place("named", [100, 50, 112, 62], names="tree-checkbox"),
        place("named", [0, 50, 150, 90], names="checkout"),  # too large to be one
        place("named", [120, 70, 130, 80], names="select"),
    ]
    page = demos.page_of(shot(tmp_path, places))
    assert page.states.tolist() == [IGNORE] * 5
    assert page.boxes.tolist()[0] == [0, 40, 10, 66]
    assert [88, 88, 192, 132] in page.boxes.tolist()


@pytest.mark.skipif(browser_pages.browser_path() is None, reason=browser_pages.MISSING)
def test_a_package_is_shown_and_labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright")
    package = tmp_path / "kits" / "package"
    package.mkdir(parents=True)
    (package / "index.html").write_text(
        "<!doctype html><link rel=stylesheet href=a.css><body style='margin:0'><p>Some words about it, and some more</p>"
        + "".join(f"<div><label><input type=checkbox> Choice {k}</label></div>" for k in range(9))
    )
    (package / "a.css").write_text("input{margin:0;width:20px;height:20px} div{height:24px}")
    monkeypatch.setattr(demos, "fetch_package", lambda _package, _kits: tmp_path / "kits")
    demos.shots(["a@1.0.0"], tmp_path / "kits", tmp_path / "shots")
    (picture,) = (tmp_path / "shots").glob("*.png")
    page = demos.page_of(picture)
    assert len(page.boxes) == 9
    assert set(page.states.tolist()) == {EMPTY, FILLED}  # some were clicked
    for x1, y1, x2, y2 in page.boxes.astype(int):
        assert np.ptp(page.image[y1:y2, x1:x2]) > 60  # the drawn square lies in it, its style sheet obeyed,
        for beside in (page.image[y1 - 2, x1:x2], page.image[y2 + 1, x1:x2], page.image[y1:y2, x2 + 1]):
            assert np.ptp(beside) < 12  # and not beyond
        assert x2 - x1 == y2 - y1
        assert x2 - x1 in (20, 25, 30, 40)


@pytest.mark.skipif(browser_pages.browser_path() is None, reason=browser_pages.MISSING)
def test_what_is_planted_is_labelled_and_round_ones_are_not(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    words = "".join(f"<p style='margin:12px'>Words of line {k}</p><input type=text>" for k in range(12))
    with browser_pages.chromium() as browser:
        tab = browser.new_page(viewport={"width": 640, "height": 900})
        tab.set_content(f"<!doctype html><body style='margin:40px'>{words}")
        tab.evaluate(demos.PLANT, [3, 40])
        planted = tab.evaluate("() => [...document.querySelectorAll('[data-planted]')].map(e => [e.type, e.checked])")
        places = tab.evaluate(demos.PLACES)
        tab.screenshot(path=tmp_path / "a.png")
    (tmp_path / "a.json").write_text(json.dumps({"scale": 1, "places": places}))
    squares = [on for kind, on in planted if kind == "checkbox"]
    assert len(squares) > 10
    assert len(squares) < len(planted)  # the others are round
    assert [(p["kind"], p["on"]) for p in places] == [("native", on) for on in squares]
    page = demos.page_of(tmp_path / "a.png")
    seen = page.states != IGNORE
    assert seen.mean() > 0.8  # but for those below the screen, or of the ground's colour
    for state, on in zip(page.states, squares, strict=False):  # what is below the screen comes last
        assert state in (IGNORE, FILLED if on else EMPTY)
    for x1, y1, x2, y2 in page.boxes[seen].astype(int):
        assert x2 - x1 == y2 - y1
        assert np.ptp(page.image[y1 - 1 : y2 + 1, x1 - 1 : x2 + 1]) >= demos.CONTRAST
