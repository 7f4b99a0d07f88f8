"""The whole chain on a tiny configuration: pages, some steps of training, export, the same answer everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from model import checkpoint, draw, evaluate, export, sets, train
from model.degrade import degrade
from model.detect import detect, networks, onnx_runner
from model.net import Net, flop, unshuffle
from model.page import Page, save
from model.pages import draw_page
from model.verifier import SIZE, Verifier


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "drawn"
    folder.mkdir()
    for i in range(3):
        rng = np.random.default_rng(i)
        save(draw.to_scale(degrade(draw_page(rng), rng), 1.0), folder, f"{i}")
    return folder


@pytest.fixture(scope="module")
def trained(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Net]:
    out = tmp_path_factory.mktemp("run")
    net = train.train({pages: 1.0}, out, 60, batch=4, crop=128, workers=0, max_steps=6, log_every=1)
    return out, net


def test_a_few_steps_change_the_network_and_are_saved(trained: tuple[Path, Net]) -> None:
    out, net = trained
    saved = checkpoint.load(out / "last.pt")
    torch.manual_seed(1)
    fresh = Net()
    for name, value in saved.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name
    assert not torch.allclose(saved.head.weight, fresh.head.weight)


def test_training_goes_on_from_a_checkpoint(
    pages: Path, trained: tuple[Path, Net], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = trained
    train.train({pages: 1.0}, out, 60, batch=2, crop=128, workers=0, max_steps=7, log_every=1)
    printed = capsys.readouterr().out
    assert "going on from step 6" in printed
    assert "step 7 " in printed


def run_in(session: ort.InferenceSession, x: np.ndarray) -> np.ndarray:
    return np.asarray(session.run(None, {"image": x})[0])


def test_export_agrees_with_pytorch(trained: tuple[Path, Net], tmp_path: Path) -> None:
    """To what eight bits a weight leave: the checks of `export` compare the graphs with unrounded weights."""
    _, net = trained
    torch.manual_seed(3)
    verifier = Verifier().eval()
    verifier.head.weight.data.normal_(std=0.1)  # as if trained
    info = export.export(net, verifier, tmp_path, {"conf": 0.4})
    files = [(tmp_path / f"{name}.onnx").read_bytes() for name in ("finder", "verifier")]
    assert info["sha256"] == hashlib.sha256(b"".join(files)).hexdigest()
    assert json.loads((tmp_path / "checkbox.json").read_text())["conf"] == 0.4
    rng = np.random.default_rng(3)
    for ours, data, shape, out in (
        (net, files[0], (1, 1, 64, 224), (1, 24, 8, 28)),
        (verifier, files[1], (3, 1, 2 * SIZE, SIZE), (3, 6, 1, 1)),
    ):
        x = rng.random(shape, np.float32)
        with torch.no_grad():
            wanted = ours(torch.from_numpy(x)).numpy()
        given = run_in(ort.InferenceSession(data, providers=["CPUExecutionProvider"]), x)
        assert given.shape == out
        assert np.abs(given - wanted).mean() < 0.03 * np.abs(wanted).mean()
        assert not np.array_equal(given, wanted)


def test_eight_bits_keep_a_weight_to_half_a_step() -> None:
    weights = np.random.default_rng(0).normal(0, [[[[0.01]]], [[[3.0]]], [[[0.0]]]], (3, 4, 3, 3)).astype(np.float32)
    steps, factor = export.in_eight_bits(weights)
    assert steps.dtype == np.int8
    assert (np.abs(steps[:2]).max((1, 2, 3)) == 127).all()
    assert (np.abs(steps * factor - weights) <= 0.501 * factor).all()


@pytest.mark.skipif("CHECKBOX_TRACT" not in os.environ, reason="CHECKBOX_TRACT does not name the example run_onnx")
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("which", ["finder", "verifier"])
def test_tract_agrees_with_pytorch_and_onnx_runtime(
    which: str, exact: bool, trained: tuple[Path, Net], tmp_path: Path
) -> None:
    net: torch.nn.Module
    if which == "finder":
        net, height, width = trained[1], 96, 160
        model = export.finder_onnx(trained[1], exact=exact)
    else:
        torch.manual_seed(4)
        verifier = Verifier().eval()
        verifier.head.weight.data.normal_(std=0.1)
        net, height, width = verifier, 2 * SIZE, SIZE
        model = export.verifier_onnx(verifier, exact=exact)
    target = tmp_path / "network.onnx"
    target.write_bytes(model.SerializeToString())
    x = np.random.default_rng(4).random((1, 1, height, width), np.float32)
    (tmp_path / "input").write_bytes(x.astype("<f4").tobytes())
    command = [os.environ["CHECKBOX_TRACT"], str(target), str(tmp_path / "input"), str(height), str(width)]
    tract = np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout, "<f4")
    theirs = onnx_runner(target)(x)
    np.testing.assert_allclose(tract.reshape(theirs.shape), theirs, atol=1e-4)
    if exact:
        with torch.no_grad():
            ours = net(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(tract.reshape(ours.shape), ours, atol=1e-4)


def test_a_mean_lies_between_the_networks() -> None:
    a, b = Net(), Net()
    mean = checkpoint.mean_of([a, b]).state_dict()
    for key, value in mean.items():
        assert torch.allclose(value.float(), (a.state_dict()[key].float() + b.state_dict()[key].float()) / 2), key
    alone = checkpoint.mean_of([a]).state_dict()
    assert all(torch.equal(value, alone[key]) for key, value in a.state_dict().items())


def test_a_narrowed_network_keeps_the_channels_that_are_used() -> None:
    torch.manual_seed(0)
    net = checkpoint.plain(Net((4, 8, 8, 16, 16)))
    # Channels that nothing reads can go without a difference.
    with torch.no_grad():
        for name in ("fuse8", "down16"):
            getattr(net, name).conv.weight[:, [1, 6]] = 0
        net.head.weight[:, [0, 3]] = 0
        net.res32a.conv.weight[:, 5] = net.res32b.conv.weight[:, 5] = net.up16.weight[:, 5] = 0
    narrow = checkpoint.narrowed(net, (4, 8, 6, 16, 15))
    assert narrow.channels == (4, 8, 6, 16, 15)
    x = torch.rand(1, 1, 64, 96)
    torch.testing.assert_close(narrow(x), net.eval()(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="not fewer"):
        checkpoint.narrowed(narrow, (4, 8, 8, 16, 16))


def test_a_widened_network_answers_as_before_and_can_learn() -> None:
    torch.manual_seed(2)
    net = Net((4, 8, 8, 16, 16)).eval()
    net.head.weight.data.normal_()  # as if trained
    wide = checkpoint.widened(net, (4, 8, 16, 24, 16))
    x = torch.rand(1, 1, 64, 96)
    with torch.no_grad():
        assert torch.allclose(wide(x), net(x), atol=1e-5)
    wide.train()(x).square().mean().backward()
    weight = wide.head.weight.grad
    assert weight is not None
    assert weight[:, 8:].abs().max() > 0
    with pytest.raises(ValueError, match="do not fit"):
        checkpoint.widened(wide, (4, 8, 8, 16, 16))


def test_a_wrong_export_is_refused(trained: tuple[Path, Net], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, net = trained
    monkeypatch.setattr(export, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="bytes of ONNX"):
        export.export(net, Verifier(), tmp_path)
    monkeypatch.setattr(export, "MAX_BYTES", 10_000_000)
    monkeypatch.setattr(export, "largest_difference", lambda *_: 0.1)
    with pytest.raises(ValueError, match="differ"):
        export.export(net, Verifier(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_networks_stay_within_their_budget() -> None:
    assert flop(Net(), 960, 736) <= 1.6e9
    assert flop(Verifier(), 2 * SIZE, SIZE) <= 27e6


def test_unshuffle_has_the_order_the_detector_reads() -> None:
    out = torch.zeros(1, 24, 2, 3)
    out[0, 3 * 4 + 1 * 2 + 0, 1, 2] = 7.0  # channel 3, lower left of the cell in row 1, column 2
    cells = unshuffle(out)
    assert cells.shape == (1, 6, 4, 6)
    assert cells[0, 3, 3, 4] == 7.0
    assert cells.sum() == 7.0


def test_the_shipped_networks_are_those_their_json_names() -> None:
    here = Path(__file__).parent.parent
    info = json.loads((here / "checkbox.json").read_text())
    files = [(here / f"{name}.onnx").read_bytes() for name in ("finder", "verifier")]
    assert info["sha256"] == hashlib.sha256(b"".join(files)).hexdigest()
    assert set(info) == set(export.DEFAULTS)
    # Chosen on the evaluation's pages, or the files' own; all else an export writes again.
    chosen = {"sha256", "calibration", "conf", "filled_bias"}
    assert {key: info[key] for key in info.keys() - chosen} == {
        key: export.DEFAULTS[key] for key in export.DEFAULTS.keys() - chosen
    }


def test_the_shipped_networks_count_a_plain_page() -> None:
    """Nine boxes, three of them crossed, on a page with some ruled lines."""
    here = Path(__file__).parent.parent
    numbers = json.loads((here / "checkbox.json").read_text())
    image = np.full((1100, 850), 255, np.uint8)
    boxes = []
    for i in range(9):
        x, y = 100 + 230 * (i % 3), 150 + 250 * (i // 3)
        image[y : y + 18, x : x + 18] = 0
        image[y + 2 : y + 16, x + 2 : x + 16] = 255
        if i % 4 == 0:
            for k in range(3, 15):
                image[y + k : y + k + 2, [x + k, x + 17 - k]] = 0
        boxes.append([x, y, x + 18, y + 18])
    image[950:952, 60:790] = 0
    found = detect(image, networks(), numbers)
    states = np.array([i % 4 == 0 for i in range(9)], np.int8)
    tally = evaluate.Tally()
    tally.add(sets.Labelled(Path("page"), np.array(boxes, np.float32), states), found, numbers["conf"])
    row = tally.row()
    assert row["recall"] == 1
    assert row["precision"] == 1
    assert row["state"] == 1
    assert row["iou"] > 0.7


def test_scaling_keeps_boxes_on_their_place() -> None:
    image = np.full((800, 600, 3), 255, np.uint8)
    image[200:240, 120:160] = 0
    page = draw.to_scale(Page(image, np.array([[120, 200, 160, 240]], np.float32), np.zeros(1, np.int8)), 1.0)
    assert page.image.shape == (1280, 960)
    ys, xs = np.nonzero(page.image < 128)
    np.testing.assert_allclose(page.boxes[0], [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], atol=1.0)
