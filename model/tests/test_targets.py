"""Crops, label assignment and the loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from model import dataset
from model.fit import rate
from model.page import EMPTY, FILLED, IGNORE, Page, pages_in, remove, save
from model.train import decode, giou, loss


def boxes(*rows: tuple[float, float, float, float, int]) -> dataset.Floats:
    return np.array(rows, np.float32)


def test_positive_cells_lie_around_the_centre_and_know_their_box() -> None:
    t = dataset.assign(boxes((40, 40, 56, 56, FILLED)), 96, 128)
    assert t.positive.shape == (24, 32)
    ys, xs = np.nonzero(t.positive)
    assert len(ys) == 4  # centre at 48: the corner of four cells, each 2.83 px away
    assert set(ys) == set(xs) == {11, 12}
    assert t.filled[11, 11] == 1
    np.testing.assert_array_equal(t.box[:, 12, 11], [40, 40, 56, 56])
    assert t.weight[11, 11] == 1
    assert t.weight[11, 13] == 1 - (np.hypot(6, 2) < dataset.NEAR_PX * dataset.RING)
    assert t.weight[0, 0] == 1


def test_ignored_places_have_no_weight_but_boxes_in_them_do() -> None:
    t = dataset.assign(boxes((0, 0, 64, 64, IGNORE), (24, 24, 40, 40, EMPTY)), 96, 96)
    assert t.weight[2, 2] == 0
    assert t.weight[20, 20] == 1
    assert t.positive[7, 7] == t.weight[7, 7] == 1


def test_between_close_boxes_a_cell_goes_to_the_nearer() -> None:
    t = dataset.assign(boxes((10, 10, 22, 22, EMPTY), (22, 10, 34, 22, FILLED)), 64, 64)
    for y, x in zip(*np.nonzero(t.positive), strict=True):
        assert t.filled[y, x] == ((x + 0.5) * 4 > 22)
    assert {0, 1} == {int(v) for v in t.filled[t.positive > 0]}


def test_boxes_cut_by_the_edge_count_only_if_two_thirds_show() -> None:
    cut = dataset.clip(
        boxes((-5, 10, 15, 30, EMPTY), (-10, 10, 10, 30, EMPTY), (-30, 0, -5, 20, EMPTY), (50, 50, 54, 54, EMPTY)),
        100,
        100,
    )
    assert cut[:, 4].tolist() == [EMPTY, IGNORE, IGNORE]  # 75%, 50%, (outside), 4 px wide
    np.testing.assert_array_equal(cut[0, :4], [0, 10, 15, 30])


def test_crops_show_their_boxes() -> None:
    image = np.full((1200, 1000), 255, np.uint8)
    image[600:624, 400:424] = 0
    seen = 0
    for seed in range(40):
        crop, inside = dataset.cut(image, boxes((400, 600, 424, 624, EMPTY)), np.random.default_rng(seed))
        assert crop.shape == (dataset.CROP, dataset.CROP)
        for x1, y1, x2, y2, state in inside:
            if state == EMPTY:
                seen += 1
                ys, xs = np.nonzero(crop < 128)
                edges = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                np.testing.assert_allclose([x1, y1, x2, y2], edges, atol=1.1)
    assert seen > 10


def test_pages_of_another_thread_appear_and_missing_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.draw"):
        next(iter(dataset.Crops({tmp_path: 1.0}, 2, 0)))
    np.save(tmp_path / "a.boxes.npy", boxes((20, 20, 40, 40, EMPTY)))
    assert dataset.Pages(tmp_path).names == []  # labels alone are no page
    np.save(tmp_path / "a.npy", np.full((500, 500), 255, np.uint8))
    images, targets = next(iter(dataset.Crops({tmp_path: 1.0}, 2, 0)))
    assert images.shape == (2, 1, 384, 384)
    assert targets.shape == (2, 7, 96, 96)


def test_giou_of_known_boxes() -> None:
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]]).T
    b = torch.tensor([[1.0, 0.0, 3.0, 2.0], [2.0, 0.0, 3.0, 1.0]]).T
    overlap, generalised = giou(a, b)
    torch.testing.assert_close(overlap, torch.tensor([1 / 3, 0.0]))
    torch.testing.assert_close(generalised, torch.tensor([1 / 3, -1 / 3]))


def test_loss_is_small_when_the_output_is_the_target() -> None:
    target = dataset.assign(boxes((40, 44, 60, 62, FILLED)), 96, 96)
    packed = torch.from_numpy(np.concatenate([np.stack([target.weight, target.positive, target.filled]), target.box]))[
        None
    ]
    cells = torch.zeros(1, 6, 24, 24)
    cells[:, 0] = torch.where(packed[:, 1] > 0, 12.0, -12.0)
    cells[:, 1] = torch.where(packed[:, 2] > 0, 5.0, -5.0)
    centre = (torch.arange(24) + 0.5) * 4
    for k, sign, axis in ((2, -1, 0), (3, -1, 1), (4, 1, 0), (5, 1, 1)):
        at = centre[None, :] if axis == 0 else centre[:, None]
        distance = (sign * (packed[0, 3 + k - 2] - at)).clamp(min=0.1)
        cells[0, k] = torch.log(distance / 4)
    y, x = torch.nonzero(packed[0, 1] > 0, as_tuple=True)
    torch.testing.assert_close(decode(cells[0, 2:6, y, x].T, y, x), packed[0, 3:7, y, x])
    right, parts = loss(torch.nn.functional.pixel_unshuffle(cells, 2), packed)
    assert parts["iou"] > 0.999
    assert parts["wrong"] == 0
    assert float(right) < 0.1
    cells[:, 1] *= -1
    wrong, parts = loss(torch.nn.functional.pixel_unshuffle(cells, 2), packed)
    assert parts["wrong"] == 1
    assert float(wrong) > float(right) + 1


def test_learning_rate_rises_and_falls() -> None:
    assert rate(0, 0.0, 1.0) < 0.01
    assert rate(1000, 0.0, 1.0) == pytest.approx(1.0)
    assert rate(1000, 0.5, 1.0) == pytest.approx(0.505)
    assert rate(1000, 1.0, 1.0) == pytest.approx(0.01)


def test_crops_return_to_what_the_network_got_wrong(tmp_path: Path) -> None:
    image = np.full((1200, 1000), 255, np.uint8)
    image[900:924, 800:824] = 100
    save(Page(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int8)), tmp_path, "a")
    pages = dataset.Pages(tmp_path)
    rng = np.random.default_rng(0)
    assert pages.pick(rng, 1.0)[2] is None  # nothing mined yet
    np.save(tmp_path / "a.hard.npy", np.array([[812, 912]], np.float32))
    pages = dataset.Pages(tmp_path)
    for _ in range(20):
        picture, boxes, around = pages.pick(rng, 1.0)
        crop, _ = dataset.cut(picture, boxes, rng, 384, around)
        assert crop.min() < 200


def test_a_page_replaced_meanwhile_is_passed_over(tmp_path: Path) -> None:
    none = Page(np.full((64, 64), 255, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int8))
    for name in ("a", "b"):
        save(none, tmp_path, name)
    pages = dataset.Pages(tmp_path)
    remove(tmp_path / "a.npy")
    assert all(pages.pick(np.random.default_rng(k), 0.0)[0].shape == (64, 64) for k in range(8))
    assert [p.name for p in pages_in(tmp_path)] == ["b.npy"]


def test_empty_boxes_drawn_anew_have_their_own_edges_and_states() -> None:
    crop = np.full((96, 200), 255, np.uint8)
    given = np.array(
        [[20, 30, 46, 56, EMPTY], [80, 30, 106, 56, FILLED], [140, 30, 166, 56, EMPTY], [182, 30, 200, 56, EMPTY]],
        np.float32,
    )
    for x1, y1, x2, y2 in given[:, :4].astype(int).tolist():
        crop[y1:y2, x1:x2] = 0
        crop[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2] = 255
    before, marked = crop.copy(), []
    for seed in range(60):
        drawn, labels = dataset.anew(crop, given, np.random.default_rng(seed))
        assert (crop == before).all()
        assert (labels[[1, 3]] == given[[1, 3]]).all(), "one that is filled, and one that the edge cuts"
        assert (drawn[:, 68:120] == before[:, 68:120]).all()
        assert (drawn[:, 184:] == before[:, 184:]).all()
        for k in (0, 2):
            sides = labels[k, 2:4] - labels[k, :2]
            assert 0.6 * 26 < sides.min() <= sides.max() < 1.3 * 26
            np.testing.assert_allclose((labels[k, :2] + labels[k, 2:4]) / 2, (given[k, :2] + given[k, 2:4]) / 2, atol=6)
            marked.append(labels[k, 4])
    assert set(marked) == {EMPTY, FILLED}
    assert 0.25 < np.mean(np.array(marked) == FILLED) < 0.55
    same = dataset.anew(crop, given[:0], np.random.default_rng(0))
    assert (same[0] == crop).all()
    assert same[1].shape == (0, 5)
