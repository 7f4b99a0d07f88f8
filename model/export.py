"""Checkpoint -> checkbox.onnx and checkbox.json.

    python -m model.export --checkpoint model/work/run/last.pt

The graph is written out node by node (batch norm folded) rather than traced: the file then holds nothing but Conv, Relu,
Add, Resize and Cast, whatever the exporter of the installed PyTorch does.  The result is run in ONNX Runtime and compared with
PyTorch on random pages of two sizes; a difference above 1e-4 or a file above 1 MB is an error and nothing is written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from model.checkpoint import load, mean_of
from model.net import Net, flop

HERE = Path(__file__).parent
OPSET = 17
MAX_BYTES = 1_000_000
TOLERANCE = 1e-4

# Read by model/detect.py and by the detector; model/README.md says what each key means.
DEFAULTS: dict[str, object] = {
    "version": "0.7.0",
    "sha256": "",
    "scale": {"max_aspect": 1.6, "max_enlargement": 3.0, "overlap": 160},
    "looks": [
        {"long_side": 952, "calibration": {"a": 1.0, "b": 0.0}},
        {"long_side": 1600, "calibration": {"a": 1.0, "b": 0.0}},
    ],
    "doubt": {"from": 0.03, "to": 0.95, "carried": 0.2, "window": 320, "margin": 64},
    "conf": 0.5,
    "filled_bias": 0.0,
    "nms_iou": 0.3,
}


def halved(weights: np.ndarray) -> np.ndarray:
    """Weights in half precision with 7 bits of mantissa out of 10, as in bfloat16: what is dropped is what does not compress."""
    bits = weights.astype(np.float16).view(np.uint16)
    return ((bits + 4) & 0xFFF8).astype(np.uint16).view(np.float16)


def to_onnx(net: Net, *, exact: bool = False) -> onnx.ModelProto:
    """The network in evaluation mode as an ONNX model with dynamic height and width.

    Unless `exact`, the weights of the convolutions are stored in half precision (see `halved`) and cast to single, which runtimes
    do once, when they load the model: the file is half as large.
    """
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def const(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value, name))
        return name

    def conv(name: str, x: str) -> str:
        layer = getattr(net, name)
        if isinstance(layer, torch.nn.Conv2d):
            assert layer.bias is not None
            w, b, stride = layer.weight, layer.bias, layer.stride[0]
        else:
            (w, b), stride = layer.folded(), layer.conv.stride[0]
        k = w.shape[-1]
        kernel = w.detach().numpy()
        weight = const(f"{name}.w", kernel if exact else halved(kernel))
        if not exact:
            nodes.append(helper.make_node("Cast", [weight], [f"{weight}32"], f"{weight}32", to=TensorProto.FLOAT))
            weight = f"{weight}32"
        inputs = [x, weight, const(f"{name}.b", b.detach().numpy())]
        nodes.append(
            helper.make_node(
                "Conv", inputs, [name], name, kernel_shape=[k, k], strides=[stride, stride], pads=[k // 2] * 4
            )
        )
        return name

    def relu(x: str) -> str:
        nodes.append(helper.make_node("Relu", [x], [f"{x}.relu"], f"{x}.relu"))
        return f"{x}.relu"

    def add(x: str, y: str, name: str) -> str:
        nodes.append(helper.make_node("Add", [x, y], [name], name))
        return name

    def double(x: str) -> str:
        nodes.append(
            helper.make_node(
                "Resize",
                [x, "", "scales"],
                [f"{x}.x2"],
                f"{x}.x2",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        )
        return f"{x}.x2"

    const("scales", np.array([1, 1, 2, 2], np.float32))
    x = relu(conv("stem4", relu(conv("stem2", "image"))))
    s8 = relu(conv("down8", x))
    s16 = relu(conv("down16", s8))
    s16 = relu(add(s16, conv("res16", s16), "sum16"))
    s32 = relu(conv("down32", s16))
    s32 = relu(add(s32, conv("res32a", s32), "sum32a"))
    s32 = relu(add(s32, conv("res32b", s32), "sum32b"))
    s16 = relu(conv("fuse16", add(s16, double(conv("up16", s32)), "merge16")))
    s8 = relu(conv("fuse8", add(s8, double(conv("up8", s16)), "merge8")))
    conv("head", s8)

    graph = helper.make_graph(
        nodes,
        "checkbox",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, "H", "W"])],
        [helper.make_tensor_value_info("head", TensorProto.FLOAT, [1, 24, "H8", "W8"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="checkbox-detector")
    model.ir_version = 8  # what opset 17 came with; newer numbers are refused by older runtimes
    onnx.checker.check_model(model)
    return model


def largest_difference(net: Net, data: bytes) -> float:
    """Largest absolute difference between PyTorch and ONNX Runtime over two random inputs of different size."""
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for shape in [(1, 1, 96, 160), (1, 1, 320, 256)]:
        x = rng.random(shape, np.float32)
        with torch.no_grad():
            ours = net(torch.from_numpy(x)).numpy()
        theirs = session.run(None, {"image": x})[0]
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def export(net: Net, onnx_path: Path, settings: dict[str, object] | None = None) -> dict[str, object]:
    """Write `onnx_path` and, beside it, the same name with .json; returns what the JSON holds.

    `settings` replaces the entries of DEFAULTS it names.  Raises ValueError if the file would be too large or would not
    agree with PyTorch.
    """
    net = net.float().eval()
    data = to_onnx(net).SerializeToString()
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes of ONNX; at most {MAX_BYTES} are allowed")
    # What is compared is the conversion; what the rounding costs shows in model.evaluate, which runs the file written here.
    difference = largest_difference(net, to_onnx(net, exact=True).SerializeToString())
    if not difference <= TOLERANCE:
        raise ValueError(f"ONNX Runtime and PyTorch differ by {difference}")
    info = DEFAULTS | (settings or {}) | {"sha256": hashlib.sha256(data).hexdigest()}
    onnx_path.write_bytes(data)
    onnx_path.with_suffix(".json").write_text(json.dumps(info, indent=2) + "\n")
    print(
        f"{onnx_path.name}: {len(data)} bytes, {flop(net, 960, 736) / 1e9:.2f} GFLOP at 960x736, "
        f"{flop(net, 1600, 1248) / 1e9:.2f} at 1600x1248, differs by {difference:.1e}"
    )
    return info


def main() -> None:
    parser = argparse.ArgumentParser(description="Checkpoint to checkbox.onnx and checkbox.json.")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, nargs="+", help="of several, trained on from the same one, the mean"
    )
    parser.add_argument("--out", type=Path, default=HERE / "checkbox.onnx")
    parser.add_argument(
        "--settings", type=Path, help="JSON with looks, conf, filled_bias (from model.evaluate --calibrate)"
    )
    args = parser.parse_args()
    settings = json.loads(args.settings.read_text()) if args.settings else {}
    export(mean_of([load(path) for path in args.checkpoint]), args.out, settings)


if __name__ == "__main__":
    main()
