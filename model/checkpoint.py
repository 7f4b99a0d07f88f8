"""Checkpoints of training: written, read, averaged, and carried over into a wider network."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TypeVar

import torch

from model.net import Net
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
    """The averaged network of a finder's checkpoint."""
    return averaged_in(path, Net)


def load_verifier(path: Path) -> Verifier:
    """The averaged network of a verifier's checkpoint."""
    return averaged_in(path, Verifier)


def averaged_in(path: Path, kind: type[AnyNet]) -> AnyNet:
    """The averaged network of a checkpoint, which must be of that kind."""
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
