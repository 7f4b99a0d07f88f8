"""Trains the network on the pages that `model.draw` writes, for a given number of minutes.

    python -m model.train --minutes 90 --out model/work/run

Runs on CPU (bf16 autocast).  Every few minutes the state is saved to OUT/last.pt; started again with the same --out it
goes on from there, the minutes already spent counted.  The learning rate follows the clock, not the steps, so that the
schedule ends when the time does, whatever else the machine is doing.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from model.checkpoint import load, mean_of, save, widened
from model.dataset import CROP, Crops
from model.net import CHANNELS, LOG_MAX, LOG_MIN, OUT, STRIDE, Net, unshuffle

WARMUP_STEPS = 300
AVERAGE = 0.999  # of the averaged weights, after a start at less
SAVE_SECONDS = 180.0
SURE = 0.7  # objectness asked of a box whatever its edges
# Folders that are not there (yet) are passed over, the others keep their proportions.
MIX = "corpus=0.33,drawn=0.27,browser=0.27,negatives=0.13"


def decode(raw: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Edges [4,n] (x1, y1, x2, y2 in pixels) from the log distances [n,4] of the cells in rows y [n], columns x [n]."""
    distance = STRIDE * torch.exp(raw.clamp(LOG_MIN, LOG_MAX)).T
    px, py = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
    return torch.stack([px - distance[0], py - distance[1], px + distance[2], py + distance[3]])


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019) of boxes [4,n] with boxes [4,n]."""
    w = (torch.minimum(a[2], b[2]) - torch.maximum(a[0], b[0])).clamp(min=0)
    h = (torch.minimum(a[3], b[3]) - torch.maximum(a[1], b[1])).clamp(min=0)
    both = w * h
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    hull = (torch.maximum(a[2], b[2]) - torch.minimum(a[0], b[0])) * (
        torch.maximum(a[3], b[3]) - torch.minimum(a[1], b[1])
    )
    iou = both / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def loss(out: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Loss and its parts for the network's output [N,24,h,w] and targets [N,7,2h,2w] (see dataset.Crops).

    Objectness: quality focal loss (Li et al. 2020, beta 2); the target rises with the IoU of the predicted box only from
    SURE to 1, because a box whose edges are hard to tell still counts as one.  Edges: 1 - GIoU.  State: cross-entropy on
    positive cells.
    """
    weight, positive, filled, box = targets[:, 0], targets[:, 1], targets[:, 2], targets[:, 3:7]
    logit = unshuffle(out[:, :4].float())[:, 0]
    # All but objectness is asked of the few positive cells: take those out of `out` itself, since work on whole maps
    # of boxes cost a sixth of the training time.  Channel c*4 + (y%2)*2 + x%2 of `out` is channel c of cell y, x.
    n, y, x = torch.nonzero(positive > 0, as_tuple=True)
    count = max(1, len(n))
    channels = torch.arange(OUT) * 4 + ((y % 2) * 2 + x % 2)[:, None]
    cells = out[n[:, None], channels, (y // 2)[:, None], (x // 2)[:, None]].float()
    iou, generalised = giou(decode(cells[:, 2:6], y, x), box[n, :, y, x].T)
    quality = torch.zeros_like(positive)
    quality[n, y, x] = SURE + (1 - SURE) * iou.detach().clamp(0, 1)
    focal = (torch.sigmoid(logit) - quality).abs().square() * F.binary_cross_entropy_with_logits(
        logit, quality, reduction="none"
    )
    l_object = (focal * weight).sum() / count
    l_box = (1 - generalised).sum() / count
    state = filled[n, y, x]
    l_state = F.binary_cross_entropy_with_logits(cells[:, 1], state * 0.98 + 0.01, reduction="sum") / count
    total = l_object + 1.5 * l_box + 0.5 * l_state
    wrong = ((cells[:, 1] > 0) != (state > 0)).float().sum() / count
    return total, {
        "object": float(l_object.detach()),
        "box": float(l_box.detach()),
        "state": float(l_state.detach()),
        "iou": float(iou.detach().sum() / count),
        "wrong": float(wrong),
    }


def rate(step: int, progress: float, top: float) -> float:
    """Learning rate: a linear start over WARMUP_STEPS, then a cosine over `progress` 0..1 down to a hundredth."""
    return (
        top * min(1.0, (step + 1) / WARMUP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
    )


def train(
    folders: dict[Path, float],
    out: Path,
    minutes: float,
    *,
    batch: int = 32,
    top_rate: float = 3e-3,
    seed: int = 1,
    crop: int = CROP,
    workers: int = 1,
    max_steps: int | None = None,
    start_from: list[Path] | None = None,
    channels: tuple[int, int, int, int, int] = CHANNELS,
    log_every: int = 100,
) -> Net:
    """Train until the minutes (or steps) are spent, save OUT/last.pt, return the averaged network.

    start_from: checkpoints whose mean to start from with a fresh schedule, widened to `channels`.
    """
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "last.pt"
    net = Net(channels)
    step, spent = 0, 0.0
    if start_from is not None and not checkpoint.exists():
        net = widened(mean_of([load(path) for path in start_from]), channels)
    averaged = copy.deepcopy(net).eval()
    net = net.to(memory_format=torch.channels_last)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 1e-2}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=top_rate)
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(saved["net"])
        averaged.load_state_dict(saved["averaged"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]
        print(f"going on from step {step}, {spent / 60:.1f} minutes", flush=True)
    crops = Crops(folders, batch, seed + step, crop)
    batches: Iterator[tuple[Tensor, Tensor]] = iter(
        DataLoader(
            crops,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            multiprocessing_context="spawn" if workers else None,  # a fork would keep this process's allocator
        )
    )
    net.train()
    started, last_save, last_log = time.monotonic() - spent, time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    while True:
        now = time.monotonic()
        spent = now - started
        if spent >= minutes * 60 or (max_steps is not None and step >= max_steps):
            break
        progress = spent / (minutes * 60) if max_steps is None else step / max_steps
        for group in optimiser.param_groups:
            group["lr"] = rate(step, progress, top_rate)
        images, targets = next(batches)
        x = (1 - images.float() / 255).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            result = net(x)
        total, parts = loss(result, targets)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        keep = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for a, b in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
                if a.dtype.is_floating_point:
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)
        step += 1
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        if step % log_every == 0:
            text = " ".join(f"{name} {value / log_every:.4f}" for name, value in sums.items())
            per_second = batch * log_every / (time.monotonic() - last_log)
            print(f"step {step} {spent / 60:.1f} min {text} {per_second:.0f} crops/s", flush=True)
            sums, last_log = {}, time.monotonic()
        if time.monotonic() - last_save > SAVE_SECONDS:
            save(checkpoint, net, averaged, optimiser, step, spent)
            last_save = time.monotonic()
    save(checkpoint, net, averaged, optimiser, step, spent)
    return averaged


def mixture(text: str) -> dict[str, float]:
    """Shares by folder from text such as "corpus=0.6,drawn=0.4"."""
    return {name: float(share) for name, share in (part.split("=") for part in text.split(","))}


def main() -> None:
    here = Path(__file__).parent / "work"
    parser = argparse.ArgumentParser(description="Train the network.")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--pages", type=Path, default=here / "pages", help="folder with the folders of pages")
    parser.add_argument("--out", type=Path, default=here / "run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mix", type=mixture, default=MIX, help=f"share of crops from each folder, default {MIX}")
    parser.add_argument("--max-steps", type=int, help="stop after these; the learning rate then follows the steps")
    parser.add_argument(
        "--channels",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=CHANNELS,
        help="at strides 2, 4, 8, 16, 32 (see model.net)",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        nargs="+",
        help="checkpoint to start from, with a fresh schedule; of several the mean; fewer channels are widened",
    )
    args = parser.parse_args()
    # This process gains from an allocator that gives nothing back (see README.md). The one that cuts the crops, whose arrays are of
    # all sizes, grew to 23 GB with it: it starts without.
    for name in ("LD_PRELOAD", "MALLOC_CONF"):
        os.environ.pop(name, None)
    train(
        {args.pages / name: share for name, share in args.mix.items()},
        args.out,
        args.minutes,
        batch=args.batch,
        top_rate=args.rate,
        seed=args.seed,
        start_from=args.start_from,
        channels=args.channels,
        max_steps=args.max_steps,
    )


if __name__ == "__main__":
    main()
