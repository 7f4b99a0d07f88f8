"""The hand-made labels of real screenshots: that the list can be read, and what becomes of a picture."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.negatives import LIST as NEGATIVES
from model.negatives import read_list as read_negatives
from model.page import EMPTY, FILLED, IGNORE
from model.screenshots import (
    CRATE,
    fetch_any,
    held_out,
    held_out_packages,
    page_of,
    pictures_in,
    read_list,
    versionless,
)


def test_the_projects_own_list_is_whole() -> None:
    pictures = read_list()
    labels = [label for some in pictures.values() for label in some]
    assert len(pictures) >= 800
    assert {state for _, state in labels} == {EMPTY, FILLED, IGNORE}
    for edges, _ in labels:
        assert 0 <= edges[0] < edges[2]
        assert 0 <= edges[1] < edges[3]
    assert any(not some for some in pictures.values())  # pictures without a box are what precision is about


def test_other_training_pages_take_none_of_those_held_out() -> None:
    pictures = read_list()
    held = held_out_packages()
    assert {versionless(package) for package, _ in pictures} > held.keys()
    packages = {package.name: package for package in read_negatives(NEGATIVES.read_text())}
    for package, name in pictures:
        if package in held and package in packages:
            assert not packages[package].takes(name), f"{package}: {name}"


def test_no_version_of_what_is_held_out_and_nothing_of_crates_io_is_trained_on() -> None:
    assert held_out("pypi:invenio==3.4.1") == held_out("pypi:invenio==99") == "applications"
    assert held_out("kile-doc") == "desktop"
    assert held_out("npm:@material/checkbox@14.0.0") == held_out("npm:@material/checkbox@1.0.0") == "packages"
    assert held_out("pypi:invenio-records==1.0") is None
    assert held_out("crate:whatever@1.0.0") == "crates"
    assert not any(package.startswith(CRATE) for package in held_out_packages())


def test_a_picture_is_shown_on_white_and_a_line_without_a_state_has_no_box(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text(
        "package,file,state,x1,y1,x2,y2\na,one.png,checked,4,5,14,15\na,one.png,ambiguous,20,5,30,15\na,two.png,,,,,\n"
    )
    pictures = read_list(table)
    assert pictures["a", "two.png"] == []
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(tmp_path / "one.png")
    page = page_of(tmp_path / "one.png", pictures["a", "one.png"])
    assert page.image.shape == (20, 40)
    assert (page.image == 255).all()
    np.testing.assert_array_equal(page.boxes, [[4, 5, 14, 15], [20, 5, 30, 15]])
    assert page.states.tolist() == [FILLED, IGNORE]


def test_a_state_it_does_not_know_is_an_error(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("package,file,state,x1,y1,x2,y2\na,one.png,tickled,4,5,14,15\n")
    with pytest.raises(KeyError, match="tickled"):
        read_list(table)


def archives(files: dict[str, bytes]) -> list[bytes]:
    """A .zip and a .tar.gz of the files."""
    zipped, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as z, tarfile.open(fileobj=packed, mode="w:gz") as t:
        for name, content in files.items():
            z.writestr(name, content)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return [zipped.getvalue(), packed.getvalue()]


def test_of_an_archive_only_the_pictures_inside_are_taken() -> None:
    files = {
        "a-1/docs/one.PNG": b"1",
        "a-1/setup.py": b"2",
        "../two.png": b"3",
        "/three.png": b"4",
        "a-1/../four.png": b"5",
    }
    for archive in archives(files):
        assert [(str(name), content) for name, content in pictures_in(archive)] == [("a-1/docs/one.PNG", b"1")]


@pytest.mark.parametrize("package", ["pypi:a==1", "crate:a@1"])
@pytest.mark.parametrize("listed", ["as it is", "otherwise"])
def test_an_archive_is_unpacked_if_it_is_the_one_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, package: str
) -> None:
    archive = archives({"a-1/docs/one.png": b"1"})[1]
    digest = hashlib.sha256(archive if listed == "as it is" else b"").hexdigest()
    listing = [
        {"filename": name, "url": "https://files/a-1.tar.gz", "hashes": {"sha256": digest}}
        for name in ("a-1-py3-none-any.whl", "a-1.tar.gz")
    ]
    index = [{"name": "a", "vers": version, "cksum": sum_of} for version, sum_of in (("0", "0"), ("1", digest))]
    pages = {
        "https://pypi.org/simple/a/": json.dumps({"files": listing}).encode(),
        "https://files/a-1.tar.gz": archive,
        "https://index.crates.io/1/a": "\n".join(map(json.dumps, index)).encode(),
        "https://static.crates.io/crates/a/a-1.crate": archive,
    }

    def urlopen(asked: str | urllib.request.Request) -> io.BytesIO:
        return io.BytesIO(pages[asked if isinstance(asked, str) else asked.full_url])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    if listed == "otherwise":
        with pytest.raises(ValueError, match="a-1"):
            fetch_any(package, *[tmp_path] * 4)
        return
    folder = fetch_any(package, *[tmp_path] * 4)
    assert folder is not None
    assert (folder / "a-1/docs/one.png").read_bytes() == b"1"
    pages.clear()
    assert fetch_any(package, *[tmp_path] * 4) == folder  # it is there already
