"""Checkpoints -> finder.onnx, verifier.onnx and checkbox.json.

    python -m model.export --finder model/work/run/last.pt --verifier model/work/verifier/last.pt
    python -m model.export --finder model/finder.onnx --verifier model/work/verifier/last.pt model/verifier.onnx

The graphs are written out node by node (batch norm folded) rather than traced: the files then hold nothing but Conv, Relu,
Add, Resize, Split, Cast and Mul, whatever the exporter of the installed PyTorch does.  The result is run in ONNX Runtime and compared
with PyTorch on random input; a difference above 1e-4 or files above 1 MB together are an error and nothing is written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from model import verifier
from model.checkpoint import load, load_verifier, mean_of, plain
from model.net import Net, convolution, flop
from model.verifier import Verifier

HERE = Path(__file__).parent
OPSET = 17
MAX_BYTES = 1_000_000
TOLERANCE = 1e-4

# Read by model/detect.py and by the detector; model/README.md says what each key means.
DEFAULTS: dict[str, object] = {
    "version": "0.25.0",
    "sha256": "",
    "contrast": {"share": 0.0001, "least": 16, "noise": 12, "enough": 100},
    "scale": {"long_side": 952, "max_aspect": 1.6, "max_enlargement": 3.0, "overlap": 160},
    "closer": {"below": 9.0, "none": 3.5, "logit": -2.0, "times": 2.0, "pixels": 32_000_000},
    "upright": {"sideways": 0.25, "least": 3.0, "peak": 2.25, "blocks": 6},
    "candidates": {"logit": -1.0, "alike": 0.75},
    "verifier": {"size": verifier.SIZE, "side": verifier.BOX, "wide": verifier.WIDE},
    "calibration": {"finder": 0.5, "verifier": 1.0, "alike": 0.0, "offset": 0.0},
    "faint": 0.15,
    "conf": 0.5,
    "filled_bias": 0.0,
    "nms_iou": 0.3,
}


class Graph:
    """An ONNX graph in the making, of a network's layers by name.

    Unless `exact`, the weights of the convolutions are stored in eight bits, with a factor for each of the channels that a
    convolution gives; runtimes multiply the two once, when they load the model. The file is a quarter as large.
    """

    def __init__(self, net: torch.nn.Module, *, exact: bool) -> None:
        self.net, self.exact = net, exact
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def const(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def kernel(self, name: str, weights: np.ndarray) -> str:
        if self.exact:
            return self.const(name, weights)
        steps, factor = in_eight_bits(weights)
        cast = self.node("Cast", [self.const(f"{name}.steps", steps)], f"{name}.cast", to=TensorProto.FLOAT)
        return self.node("Mul", [cast, self.const(f"{name}.factor", factor)], name)

    def conv(self, name: str, x: str) -> str:
        layer = getattr(self.net, name)
        inner = layer if isinstance(layer, torch.nn.Conv2d) else layer.conv
        w, b = convolution(layer)
        inputs = [x, self.kernel(f"{name}.w", w.detach().numpy()), self.const(f"{name}.b", b.detach().numpy())]
        return self.node(
            "Conv",
            inputs,
            name,
            kernel_shape=list(inner.kernel_size),
            strides=list(inner.stride),
            pads=list(inner.padding) * 2,
        )

    def relu(self, x: str) -> str:
        return self.node("Relu", [x], f"{x}.relu")

    def residual(self, name: str, x: str) -> str:
        return self.relu(self.node("Add", [x, self.conv(name, x)], f"{name}.sum"))

    def split(self, x: str, axis: int, sizes: list[int]) -> list[str]:
        """The parts of these sizes along an axis."""
        parts = [f"{x}.{i}" for i in range(len(sizes))]
        sizes_of = self.const(f"{x}.sizes", np.array(sizes, np.int64))
        self.nodes.append(helper.make_node("Split", [x, sizes_of], parts, f"{x}.split", axis=axis))
        return parts

    def double(self, x: str) -> str:
        """Twice as high and wide, each value four times."""
        if not any(w.name == "scales" for w in self.weights):
            self.const("scales", np.array([1, 1, 2, 2], np.float32))
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", [x, "", "scales"], f"{x}.x2", **how)

    def model(self, shape: list[int | str], out: str, out_shape: list[int | str]) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "checkbox",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(out, TensorProto.FLOAT, out_shape)],
            self.weights,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="checkbox-detector"
        )
        model.ir_version = 8  # what opset 17 came with; newer numbers are refused by older runtimes
        onnx.checker.check_model(model)
        return model


def in_eight_bits(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [out,in,k,k] as int8 and a float32 factor [out,1,1,1] for each channel."""
    factor = np.abs(weights).max((1, 2, 3), keepdims=True) / 127
    factor = np.maximum(factor, np.finfo(np.float32).tiny).astype(np.float32)
    return np.round(weights / factor).astype(np.int8), factor


def finder_onnx(net: Net, *, exact: bool = False) -> onnx.ModelProto:
    """The finder in evaluation mode as an ONNX model with dynamic height and width."""
    g = Graph(net, exact=exact)
    x = g.relu(g.conv("stem4", g.relu(g.conv("stem2", "image"))))
    s8 = g.relu(g.conv("down8", x))
    s16 = g.residual("res16", g.relu(g.conv("down16", s8)))
    s32 = g.residual("res32b", g.residual("res32a", g.relu(g.conv("down32", s16))))
    s16 = g.relu(g.conv("fuse16", g.node("Add", [s16, g.double(g.conv("up16", s32))], "merge16")))
    s8 = g.relu(g.conv("fuse8", g.node("Add", [s8, g.double(g.conv("up8", s16))], "merge8")))
    return g.model([1, 1, "H", "W"], g.conv("head", s8), [1, 24, "H8", "W8"])


def verifier_onnx(net: Verifier, *, exact: bool = False) -> onnx.ModelProto:
    """The verifier in evaluation mode as an ONNX model for any number of candidates."""
    g = Graph(net, exact=exact)
    size = verifier.SIZE
    close, wide = g.split("image", 2, [size, size])
    for name in ("wide2", "wide4", "wide8", "wide16", "wide32"):
        wide = g.relu(g.conv(name, wide))
    x = g.residual("res4", g.relu(g.conv("stem4", g.relu(g.conv("stem2", close)))))
    x = g.residual("res8", g.relu(g.conv("down8", x)))
    x = g.residual("res16", g.relu(g.conv("down16", x)))
    x = g.node("Add", [x, g.conv("context", wide)], "both")
    return g.model(["N", 1, 2 * size, size], g.conv("head", g.relu(g.conv("down32", x))), ["N", 6, 1, 1])


def largest_difference(net: torch.nn.Module, model: onnx.ModelProto, shapes: list[tuple[int, int, int, int]]) -> float:
    """Largest absolute difference between PyTorch and ONNX Runtime over random inputs of these shapes."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for shape in shapes:
        x = rng.random(shape, np.float32)
        with torch.no_grad():
            ours = net(torch.from_numpy(x)).numpy()
        worst = max(worst, float(np.abs(ours - session.run(None, {"image": x})[0]).max()))
    return worst


def export(
    finder: Net, verifies: Verifier, folder: Path, settings: dict[str, object] | None = None
) -> dict[str, object]:
    """Write finder.onnx, verifier.onnx and checkbox.json into `folder`; returns what the JSON holds.

    `settings` replaces the entries of DEFAULTS it names.  Raises ValueError if the files would be too large or would not
    agree with PyTorch.
    """
    finder, verifies = finder.float().eval(), verifies.float().eval()
    data = {
        "finder": finder_onnx(finder).SerializeToString(),
        "verifier": verifier_onnx(verifies).SerializeToString(),
    }
    size = sum(map(len, data.values()))
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes of ONNX; at most {MAX_BYTES} are allowed")
    # What is compared is the conversion; what the rounding costs shows in model.evaluate, which runs the files written here.
    side = verifier.SIZE
    difference = max(
        largest_difference(finder, finder_onnx(finder, exact=True), [(1, 1, 96, 160), (1, 1, 320, 256)]),
        largest_difference(
            verifies, verifier_onnx(verifies, exact=True), [(1, 1, 2 * side, side), (5, 1, 2 * side, side)]
        ),
    )
    if not difference <= TOLERANCE:
        raise ValueError(f"ONNX Runtime and PyTorch differ by {difference}")
    both = hashlib.sha256(data["finder"] + data["verifier"]).hexdigest()
    info = DEFAULTS | (settings or {}) | {"sha256": both}
    for name, content in data.items():
        (folder / f"{name}.onnx").write_bytes(content)
    (folder / "checkbox.json").write_text(json.dumps(info, indent=2) + "\n")
    print(
        f"{len(data['finder'])} + {len(data['verifier'])} bytes, {flop(finder, 960, 736) / 1e9:.2f} GFLOP at 960x736 and "
        f"{flop(verifies, 2 * side, side) / 1e6:.1f} MFLOP a candidate, differs by {difference:.1e}"
    )
    return info


def main() -> None:
    parser = argparse.ArgumentParser(description="Checkpoints to finder.onnx, verifier.onnx and checkbox.json.")
    several = "a checkpoint or an export; of several, trained on from the same one, the mean"
    parser.add_argument("--finder", type=Path, required=True, nargs="+", help=several)
    parser.add_argument("--verifier", type=Path, required=True, nargs="+", help=several)
    parser.add_argument("--out", type=Path, default=HERE, help="folder")
    parser.add_argument(
        "--settings",
        type=Path,
        help="JSON with calibration, conf, filled_bias (from model.evaluate --calibrate)",
    )
    args = parser.parse_args()
    settings = json.loads(args.settings.read_text()) if args.settings else {}
    finder = mean_of([plain(load(path)) for path in args.finder])
    export(finder, mean_of([plain(load_verifier(path)) for path in args.verifier]), args.out, settings)


if __name__ == "__main__":
    main()
