"""Trains the finder on the pages that `model.draw` writes, for a given number of minutes.

    python -m model.train --minutes 90 --out model/work/run

The state is saved to OUT/last.pt; started again with the same --out it goes on from there (see model.fit).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from model.checkpoint import load, mean_of, narrowed, plain, widened
from model.dataset import CROP, Crops
from model.fit import fit, options
from model.net import CHANNELS, LOG_MAX, LOG_MIN, OUT, STRIDE, Net, unshuffle

SURE = 0.7  # objectness asked of a box whatever its edges
# Folders that are not there (yet) are passed over, the others keep their proportions.
MIX = "corpus=0.28,drawn=0.2,browser=0.13,screens=0.07,screenshots=0.14,negatives=0.05,demos=0.03,planted=0.1"


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

    start_from: checkpoints or exports whose mean to start from with a fresh schedule, widened or narrowed to `channels`.
    """
    torch.manual_seed(seed)
    checkpoint = out / "last.pt"
    net = Net(channels)
    settle = any(path.suffix == ".onnx" for path in start_from or [])  # what is exported is plain
    if start_from is not None and not checkpoint.exists():
        nets = [load(path) for path in start_from]
        mean = mean_of([plain(net) for net in nets] if settle else nets)
        fewer = any(new < old for new, old in zip(channels, mean.channels, strict=True))
        net = narrowed(mean, channels) if fewer else widened(mean, channels)
        settle = settle or fewer  # so is what is narrowed
    return fit(
        net,
        lambda number: Crops(folders, batch, number, crop),
        loss,
        checkpoint,
        minutes,
        top_rate=top_rate,
        seed=seed,
        workers=workers,
        max_steps=max_steps,
        settle=settle,
        log_every=log_every,
    )


def mixture(text: str) -> dict[str, float]:
    """Shares by folder from text such as "corpus=0.6,drawn=0.4"."""
    return {name: float(share) for name, share in (part.split("=") for part in text.split(","))}


def main() -> None:
    here = Path(__file__).parent / "work"
    parser = options("Train the finder.", here / "run", batch=32)
    parser.add_argument("--pages", type=Path, default=here / "pages", help="folder with the folders of pages")
    parser.add_argument("--mix", type=mixture, default=MIX, help=f"share of crops from each folder, default {MIX}")
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
        help="checkpoint or export to start from, with a fresh schedule; of several the mean; widened or narrowed to --channels",
    )
    args = parser.parse_args()
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
