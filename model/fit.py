"""The loop of training that both networks share: the finder's (`model.train`) and the verifier's (`model.train_verifier`).

Runs on CPU (bf16 autocast).  Every few minutes the state is saved; started again it goes on from there, the minutes already
spent counted.  The learning rate follows the clock, not the steps, so that the schedule ends when the time does, whatever
else the machine is doing.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from model.checkpoint import AnyNet, resume, save, settled

WARMUP_STEPS = 300
AVERAGE = 0.999  # of the averaged weights, after a start at less
SAVE_SECONDS = 180.0

Batch = tuple[Tensor, ...]  # pictures uint8 [N,1,H,W], 255 paper, and whatever the loss compares the output with


def rate(step: int, progress: float, top: float) -> float:
    """Learning rate: a linear start over WARMUP_STEPS, then a cosine over `progress` 0..1 down to a hundredth."""
    return (
        top * min(1.0, (step + 1) / WARMUP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
    )


def optimiser_of(net: AnyNet, top_rate: float) -> torch.optim.Optimizer:
    """AdamW; biases and the norms' weights do not decay."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 1e-2}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=top_rate)


def batches_of(data: IterableDataset[Batch], workers: int) -> Iterator[Batch]:
    """Batches as `data` makes them, in `workers` processes of their own or (0) in this one."""
    if workers:
        # This process gains from an allocator that gives nothing back (see README.md). The one that makes the batches, whose
        # arrays are of all sizes, grew to 23 GB with it: it starts without.
        for name in ("LD_PRELOAD", "MALLOC_CONF"):
            os.environ.pop(name, None)
    return iter(
        DataLoader(
            data,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="spawn" if workers else None,  # a fork would keep this process's allocator
        )
    )


def ink(images: Tensor) -> Tensor:
    """Pictures, 0 black to 255 paper, as the networks take them: ink 1, paper 0."""
    return 1 - images.float() / 255


def average(averaged: AnyNet, net: AnyNet, step: int) -> None:
    """Move the averaged weights towards those that training has at `step`: much at first, by a thousandth later on."""
    keep = min(AVERAGE, (step + 1) / (step + 10))
    with torch.no_grad():
        for a, b in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - keep)
            else:
                a.copy_(b)


def options(description: str, out: Path, batch: int) -> argparse.ArgumentParser:
    """The options of every training, with these defaults of --out and --batch; each adds its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-steps", type=int, help="stop after these; the learning rate then follows the steps")
    return parser


def fit(
    net: AnyNet,
    data: Callable[[int], IterableDataset[Batch]],
    loss: Callable[..., tuple[Tensor, dict[str, float]]],
    checkpoint: Path,
    minutes: float,
    *,
    top_rate: float,
    seed: int,
    workers: int = 1,
    max_steps: int | None = None,
    settle: bool = False,
    log_every: int = 100,
) -> AnyNet:
    """Train until the minutes (or steps) are spent, save the checkpoint, return the averaged network.

    data: endless batches, given a seed; another one each time that training goes on, or it would see the same again.
    loss: of the network's output and the rest of the batch, and its parts, which are printed every `log_every` steps.
    max_steps: stop after these; the learning rate then follows the steps.
    settle: the network comes from an export, and the first batch sets its norms.
    """
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    batches: Iterator[Batch] | None = None
    if settle and not checkpoint.exists():
        batches = batches_of(data(seed), workers)
        net = settled(net, ink(next(batches)[0]))
    averaged = copy.deepcopy(net).eval()
    net = net.to(memory_format=torch.channels_last)
    optimiser = optimiser_of(net, top_rate)
    step, spent = 0, 0.0
    if checkpoint.exists():
        step, spent = resume(checkpoint, net, averaged, optimiser)
        print(f"going on from step {step}, {spent / 60:.1f} minutes", flush=True)
    if batches is None:
        batches = batches_of(data(seed + step), workers)
    net.train()
    started, last_save, last_log = time.monotonic() - spent, time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    steps = pictures = 0  # since the last line printed
    while True:
        spent = time.monotonic() - started
        if spent >= minutes * 60 or (max_steps is not None and step >= max_steps):
            break
        progress = spent / (minutes * 60) if max_steps is None else step / max_steps
        for group in optimiser.param_groups:
            group["lr"] = rate(step, progress, top_rate)
        images, *wanted = next(batches)
        x = ink(images).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            result = net(x)
        total, parts = loss(result, *wanted)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        average(averaged, net, step)
        step, steps, pictures = step + 1, steps + 1, pictures + len(images)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % log_every == 0:
            text = " ".join(f"{name} {value / steps:.4f}" for name, value in sums.items())
            per_second = pictures / (time.monotonic() - last_log)
            print(f"step {step} {spent / 60:.1f} min {text} {per_second:.0f} crops/s", flush=True)
            sums, steps, pictures, last_log = {}, 0, 0, time.monotonic()
        if time.monotonic() - last_save > SAVE_SECONDS:
            save(checkpoint, net, averaged, optimiser, step, spent)
            last_save = time.monotonic()
    save(checkpoint, net, averaged, optimiser, step, spent)
    return averaged
