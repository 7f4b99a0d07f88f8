"""Pages without checkboxes: the list, what is left out, what counts as a frame, and the whole with a stand-in network."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from model import negatives
from model.detect import Networks
from model.negatives import Package, Source
from model.page import IGNORE, pages_in

LIST = """
- *check*   # everywhere
[music: bars]
score-doc
icons sure most=7
  - */forms.pdf#3
  - *tick.png
  + */doc/*
"""


def picture(path: Path, size: tuple[int, int] = (400, 300)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8)
    Image.fromarray(noise).save(path)


def test_the_list_is_read_with_groups_marks_and_patterns() -> None:
    score, icons = negatives.read_list(LIST)
    assert (score.name, score.group, score.sure, score.most) == ("score-doc", "music: bars", False, negatives.MOST)
    assert score.left_out == ["*check*"]
    assert (icons.sure, icons.most, icons.only) == (True, 7, ["*/doc/*"])
    assert icons.left_out == ["*/forms.pdf#3", "*tick.png", "*check*"]


@pytest.mark.parametrize("line", ["icons some", "- two patterns", "+ *", "icons most=many"])
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        negatives.read_list("first\n" + line)


def test_the_projects_own_list_can_be_read_and_names_no_package_twice() -> None:
    names = [p.name for p in negatives.read_list(negatives.LIST.read_text())]
    assert len(names) == len(set(names)) > 0


def test_patterns_leave_out_files_and_single_pages() -> None:
    _, icons = negatives.read_list(LIST)
    assert icons.takes("usr/doc/forms.pdf#2")
    assert not icons.takes("usr/doc/forms.pdf#3")
    assert not icons.takes("usr/doc/check-mark.png")
    assert not icons.takes("usr/icons/door.png")
    whole = Package("manual", left_out=["*/forms.pdf"])
    assert not whole.takes("usr/forms.pdf#9")


def drawn(shape: str) -> NDArray[np.uint8]:
    image = np.full((120, 120), 255, np.uint8)
    if shape == "outline":
        cv2.rectangle(image, (45, 45), (74, 74), 0, 2)
    elif shape == "open corner":
        cv2.rectangle(image, (45, 45), (74, 74), 0, 2)
        image[43:50, 70:78] = 255
    elif shape == "crossed":
        cv2.rectangle(image, (45, 45), (74, 74), 0, 2)
        cv2.line(image, (45, 45), (74, 74), 0, 2)
    elif shape == "light square":
        image[:] = 150
        image[45:75, 45:75] = 250
    elif shape == "light cross on a dark square":
        image[45:75, 45:75] = 90
        cv2.line(image, (49, 49), (70, 70), 255, 7)
        cv2.line(image, (49, 70), (70, 49), 255, 7)
    elif shape == "circle":
        cv2.circle(image, (60, 60), 15, 0, 2)
    elif shape == "letter":
        cv2.putText(image, "E", (45, 75), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 0, 3)
    elif shape == "cross":
        cv2.line(image, (45, 45), (74, 74), 0, 3)
        cv2.line(image, (45, 74), (74, 45), 0, 3)
    return image


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("outline", True),
        ("open corner", True),
        ("crossed", True),
        ("light square", True),
        ("light cross on a dark square", True),
        ("circle", False),
        ("letter", False),
        ("cross", False),
    ],
)
def test_frames_and_plain_squares_are_told_from_letters_and_circles(shape: str, expected: bool) -> None:
    for light in (False, True):
        image = 255 - drawn(shape) if light else drawn(shape)
        assert negatives.framed(image, np.array([45, 45, 75, 75], np.float32)) is expected


def test_what_the_edge_cuts_could_be_anything() -> None:
    assert negatives.framed(np.full((50, 50), 255, np.uint8), np.array([-3, 10, 20, 33], np.float32))


def test_squares_are_ignored_unless_the_package_is_sure() -> None:
    image = np.full((1280, 1000), 255, np.uint8)
    cv2.rectangle(image, (300, 300), (330, 330), 0, 2)
    cv2.rectangle(image, (500, 300), (900, 330), 0, 2)  # no square
    rng = np.random.default_rng(0)
    page = negatives.finish(image, False, 1.0, rng)
    assert len(page.boxes) > 0
    assert (page.states == IGNORE).all()
    assert np.abs((page.boxes[:, :2] + page.boxes[:, 2:]) / 2 - 315).max() < 20
    assert not len(negatives.finish(image, True, 1.0, rng).boxes)


def test_pictures_are_shown_on_a_ground_where_they_are_transparent() -> None:
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.putpixel((1, 1), (0, 0, 0, 255))
    flat = negatives.flatten(image, 200)
    assert flat[1, 1] == 0
    assert np.delete(flat.ravel(), 5).tolist() == [200] * 7


def test_a_sheet_shows_dark_icons_on_a_dark_ground() -> None:
    icon = Image.new("RGBA", (32, 32), (10, 10, 10, 255))
    grounds = set()
    for seed in range(20):
        page = negatives.sheet([icon], np.random.default_rng(seed))
        ground = int(np.bincount(page.ravel()).argmax()) if page[0, 0] == page[-1, -1] else int(page[-1, -1])
        grounds.add(ground)
        assert np.abs(page.astype(int) - int(page[-1, -1])).max() > 90
    assert len(grounds) > 2


def test_an_svgs_size_is_its_own_or_its_view_boxs(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="48px" height="24.5"/>')
    assert negatives.svg_size(path) == (48, 24.5)
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 30 20"/>')
    assert negatives.svg_size(path) == (30, 20)
    zipped = tmp_path / "a.svgz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert negatives.svg_size(zipped) == (30, 20)
    path.write_text("no xml")
    with pytest.raises(ValueError, match=r"a\.svg"):
        negatives.svg_size(path)


def test_pages_with_mistakes_are_kept_and_pages_of_files_left_out_later_are_deleted(tmp_path: Path) -> None:
    for name in ("manual/a.png", "manual/b.png", "manual/check.png"):
        picture(tmp_path / "in" / name)
    (tmp_path / "in" / "manual" / "broken.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    out.mkdir()

    def finds_one(x: NDArray[np.float32]) -> NDArray[np.float32]:
        """A box of 32 px somewhere in the middle, whatever the page."""
        logits = np.full((1, 24, x.shape[2] // 8, x.shape[3] // 8), -9, np.float32)
        y, x_ = logits.shape[2] // 2, logits.shape[3] // 2
        logits[0, 0, y, x_] = 9
        logits[0, 8:, y, x_] = np.log(4)
        return logits

    def agrees(x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whatever it is shown is a box and lies where it was thought to."""
        return np.repeat([[9, 0, 0, 0, 0, 0]], len(x), 0).astype(np.float32)[:, :, None, None]

    package = Package("manual", sure=True, left_out=["*check*"])
    both = Networks(finds_one, agrees)
    made = list(negatives.make([Source(tmp_path / "in" / "manual", package)], both, out, 9, 1))
    assert [wrong for _, wrong in made] == [1, 1]  # two files, one page each
    assert len(list(out.glob("*.hard.npy"))) == 2
    with open(out / negatives.SOURCES, newline="") as f:
        assert sorted(row[4] for row in csv.reader(f)) == ["a.png", "b.png"]
    for path in pages_in(out):
        assert np.load(path.with_suffix(".boxes.npy")).shape == (0, 5)

    package.left_out.append("b.*")
    assert negatives.prune(out, [package]) == 1
    assert len(pages_in(out)) == len(list(out.glob("*.hard.npy"))) == 1
