"""Checkpoints of training: written, read, averaged, carried over into a wider network, and regained from what was exported."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TypeVar

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from model.net import SHARED, ConvBn, Net, convolution
from model.verifier import Verifier

AnyNet = TypeVar("AnyNet", Net, Verifier)


def save(path: Path, net: AnyNet, averaged: AnyNet, optimiser: torch.optim.Optimizer, step: int, spent: float) -> None:
    """Write all that training needs to go on; by renaming, so that a reader never sees half of it."""
    part = path.with_suffix(".part")
    torch.save(
        {
            "channels": list(net.channels),
            "net": net.state_dict(),
            "averaged": averaged.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "spent": spent,
        },
        part,
    )
    os.replace(part, path)


def resume(path: Path, net: AnyNet, averaged: AnyNet, optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    """Put what `save` wrote into them; returns the steps done and the seconds spent."""
    saved = torch.load(path, weights_only=True)
    net.load_state_dict(saved["net"])
    averaged.load_state_dict(saved["averaged"])
    optimiser.load_state_dict(saved["optimiser"])
    return saved["step"], saved["spent"]


def load(path: Path) -> Net:
    """The averaged network of a finder's checkpoint, or the exported one."""
    return averaged_in(path, Net)


def load_verifier(path: Path) -> Verifier:
    """The averaged network of a verifier's checkpoint, or the exported one."""
    return averaged_in(path, Verifier)


def averaged_in(path: Path, kind: type[AnyNet]) -> AnyNet:
    """The averaged network of a checkpoint, or an exported network, which must be of that kind."""
    if path.suffix == ".onnx":
        return exported(path, kind)
    saved = torch.load(path, map_location="cpu", weights_only=True)
    net = kind(tuple(saved["channels"]))
    net.load_state_dict(saved["averaged"])
    return net.eval()


def mean_of(nets: list[AnyNet]) -> AnyNet:
    """The network whose weights are the means of theirs (a model soup, Wortsman et al. 2022): they must come from the same one."""
    mean = copy.deepcopy(nets[0])
    states = [net.state_dict() for net in nets]
    mean.load_state_dict(
        {k: torch.stack([s[k].float() for s in states]).mean(0).to(v.dtype) for k, v in states[0].items()}
    )
    return mean.eval()


def widened(net: Net, channels: tuple[int, int, int, int, int]) -> Net:
    """A network of at least as many channels at each stride that answers as `net` does (cf. Net2Net, Chen et al. 2016).

    The channels that are new see all others and begin at random; what was there gives them no weight until training does.
    Raises ValueError where a stride would lose channels.
    """
    if any(new < old for new, old in zip(channels, net.channels, strict=True)):
        raise ValueError(f"{net.channels} channels do not fit into {channels}")
    wide = Net(channels)
    old = net.state_dict()
    state = wide.state_dict()
    for name, value in state.items():
        had = old[name]
        if value.ndim == 4:  # [out, in, k, k]
            value[: had.shape[0], had.shape[1] :] = 0
        value[tuple(slice(size) for size in had.shape)] = had
    wide.load_state_dict(state)
    return wide.eval()


def narrowed(net: Net, channels: tuple[int, int, int, int, int]) -> Net:
    """A network of at most as many channels at each stride, with those of `net` that weigh most; it answers otherwise until trained.

    Kept are the channels with the largest product of the weights that make them and of those that read them (as in the pruning of
    filters by their norm, Li et al. 2017).  It is `plain`.  Raises ValueError where a stride would gain channels.
    """
    if any(new > old for new, old in zip(channels, net.channels, strict=True)):
        raise ValueError(f"{channels} channels are not fewer than {net.channels}")
    weights: dict[str, Tensor] = {}
    biases: dict[str, Tensor] = {}
    for name, layer in net.named_children():
        weights[name], biases[name] = convolution(layer)
    for stride, layers in SHARED:
        norms = {
            axis: [weights[n].detach().transpose(0, axis).flatten(1).norm(dim=1) for n, a in layers if a == axis]
            for axis in (0, 1)
        }
        kept = (sum(norms[0]) * sum(norms[1])).topk(channels[stride]).indices.sort().values
        for name, axis in layers:
            weights[name] = weights[name].index_select(axis, kept)
            if axis == 0:
                biases[name] = biases[name][kept]
    narrow = Net(channels)
    with torch.no_grad():
        for name, layer in narrow.named_children():
            set_plain(layer, weights[name], biases[name])
    return narrow.eval()


def exported(path: Path, kind: type[AnyNet]) -> AnyNet:
    """The network of a file that `model.export` wrote: training can go on from it where its checkpoints are gone.

    It answers as the file does, and is `plain`, so that it must be `settled` before it is trained.
    """
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in onnx.load(path).graph.initializer}
    c2, c4, c8, c16, c32 = (len(tensors[f"{name}.b"]) for name in ("stem2", "stem4", "down8", "down16", "down32"))
    net = kind((c2, c4, c8, c16, c32))
    with torch.no_grad():
        for name, layer in net.named_children():
            set_plain(layer, tensors[f"{name}.w.steps"] * tensors[f"{name}.w.factor"], tensors[f"{name}.b"])
    return net.eval()


def plain(net: AnyNet) -> AnyNet:
    """The same network in evaluation with norms that do nothing, their work being in the convolutions: two can then be compared."""
    net = copy.deepcopy(net).eval()
    with torch.no_grad():
        for layer in net.children():
            if isinstance(layer, ConvBn):
                set_plain(layer, *layer.folded())
    return net


def set_plain(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Give a layer this weight [out,in,k,k] and bias [out]; its norm, if it has one, does nothing else."""
    if isinstance(layer, ConvBn):
        norm = layer.bn
        assert norm.running_mean is not None
        assert norm.running_var is not None
        layer.conv.weight.copy_(weight)
        norm.bias.copy_(bias)
        norm.weight.fill_(1)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    else:
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)


def settled(net: AnyNet, x: Tensor) -> AnyNet:
    """The same network with norms that hold the mean and variance of what they see for the input x [N,1,H,W], weighted to answer as before.

    While a network is trained its norms go by the batch; one whose norms did nothing would answer otherwise at once.
    """
    net = copy.deepcopy(net).eval()
    seen: dict[nn.Module, Tensor] = {}

    def keep(conv: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        seen[conv] = out

    layers = [layer for layer in net.modules() if isinstance(layer, ConvBn)]
    hooks = [layer.conv.register_forward_hook(keep) for layer in layers]
    with torch.no_grad():
        net(x)
        for layer in layers:
            norm, out = layer.bn, seen[layer.conv]
            assert norm.running_mean is not None
            assert norm.running_var is not None
            mean, var = out.mean((0, 2, 3)), out.var((0, 2, 3))
            before = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            norm.bias.add_((mean - norm.running_mean) * before)
            norm.weight.copy_(before * torch.sqrt(var + norm.eps))
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
    for hook in hooks:
        hook.remove()
    return net
