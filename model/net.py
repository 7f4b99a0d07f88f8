"""The finder: a small U-Net of plain 3x3 convolutions.

Depthwise separable layers of the same arithmetic ran two to three times slower in tract and in training on a CPU, so
every layer is a dense convolution.

Input   float [N,1,H,W], H and W multiples of 32, value 1 - grey/255 (ink 1, paper 0).
Output  float [N,24,H/8,W/8].  `unshuffle` (a 2x2 pixel shuffle) makes it [N,6,H/4,W/4]:
        0     objectness logit
        1     logit of "filled", given that there is a box
        2..5  log distances left, top, right, bottom: distance = 4 * exp(clamp(v, -4, 6)) pixels from the cell's centre,
              which lies at ((x + 0.5) * 4, (y + 0.5) * 4).
The shuffle is left to the caller because runtimes do it faster outside the graph.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 4  # pixels a cell of the final map, after the shuffle
MULTIPLE = 32  # height and width of the input must be multiples of this
OUT = 6  # values a cell
LOG_MIN, LOG_MAX = -4.0, 6.0  # clamp of the log distances: 0.07 to 1600 px

# Channels at strides 2, 4, 8, 16, 32: 1.21 GFLOP for a letter page at 960x736, 3.43 at 1600x1248 (multiply and add counted
# apart).
CHANNELS = (8, 16, 40, 56, 72)


class ConvBn(nn.Module):
    """3x3 convolution and batch norm; ReLU is applied by the caller, who may add a residual first."""

    def __init__(self, cin: int, cout: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight [cout,cin,3,3] and bias [cout] of the one convolution that conv and norm amount to in evaluation."""
        assert self.bn.running_var is not None
        assert self.bn.running_mean is not None
        scale = self.bn.weight / torch.sqrt(self.bn.running_var + self.bn.eps)
        return self.conv.weight * scale[:, None, None, None], self.bn.bias - self.bn.running_mean * scale


class Net(nn.Module):
    """See the module's text for input and output."""

    def __init__(self, channels: tuple[int, int, int, int, int] = CHANNELS) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = channels
        self.channels = channels
        # No norm here: the input is in 0..1 as it is, and a norm on the largest map cost a sixth of the training time.
        self.stem2 = nn.Conv2d(1, c2, 3, 2, 1)
        self.stem4 = ConvBn(c2, c4, 2)
        self.down8 = ConvBn(c4, c8, 2)
        self.down16 = ConvBn(c8, c16, 2)
        self.res16 = ConvBn(c16, c16)
        self.down32 = ConvBn(c16, c32, 2)
        self.res32a = ConvBn(c32, c32)
        self.res32b = ConvBn(c32, c32)
        self.up16 = nn.Conv2d(c32, c16, 1)
        self.fuse16 = ConvBn(c16, c16)
        self.up8 = nn.Conv2d(c16, c8, 1)
        self.fuse8 = ConvBn(c8, c8)
        self.head = nn.Conv2d(c8, OUT * 4, 1)
        # Boxes are rare: start with a low objectness, or the first steps are spent on learning just that.
        nn.init.normal_(self.head.weight, std=0.01)
        bias = torch.zeros(OUT * 4)
        bias[0:4] = -5.0
        bias[8:] = 1.0  # half a box of about 11 px
        self.head.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem4(F.relu(self.stem2(x))))
        s8 = F.relu(self.down8(x))
        s16 = F.relu(self.down16(s8))
        s16 = F.relu(s16 + self.res16(s16))
        s32 = F.relu(self.down32(s16))
        s32 = F.relu(s32 + self.res32a(s32))
        s32 = F.relu(s32 + self.res32b(s32))
        s16 = s16 + F.interpolate(self.up16(s32), scale_factor=2.0, mode="nearest")
        s16 = F.relu(self.fuse16(s16))
        s8 = s8 + F.interpolate(self.up8(s16), scale_factor=2.0, mode="nearest")
        return self.head(F.relu(self.fuse8(s8)))


# The layers of Net that share channels, with the axis on which they do: 0 where they put them out, 1 where they take them in; by the number
# of their stride in Net.channels.
SHARED: list[tuple[int, list[tuple[str, int]]]] = [
    (0, [("stem2", 0), ("stem4", 1)]),
    (1, [("stem4", 0), ("down8", 1)]),
    (2, [("down8", 0), ("up8", 0), ("fuse8", 1), ("down16", 1)]),
    (2, [("fuse8", 0), ("head", 1)]),
    (3, [("down16", 0), ("res16", 0), ("res16", 1), ("up16", 0), ("fuse16", 1), ("down32", 1)]),
    (3, [("fuse16", 0), ("up8", 1)]),
    (4, [("down32", 0), ("res32a", 0), ("res32a", 1), ("res32b", 0), ("res32b", 1), ("up16", 1)]),
]


def convolution(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight [cout,cin,k,k] and bias [cout] of a network's layer as one convolution: its norm, if it has one, folded in."""
    if isinstance(layer, ConvBn):
        return layer.folded()
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    return layer.weight, layer.bias


def unshuffle(out: Tensor) -> Tensor:
    """[N,24,h,w] -> [N,6,2h,2w]: channel c*4 + dy*2 + dx goes to channel c at (2y+dy, 2x+dx)."""
    return F.pixel_shuffle(out, 2)


def flop(net: nn.Module, height: int, width: int) -> int:
    """Floating-point operations of one pass, multiply and add counted apart."""
    total = 0
    handles = []

    def count(m: nn.Module, _inputs: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        assert isinstance(m, nn.Conv2d)
        total += 2 * m.weight.numel() * out.shape[-2] * out.shape[-1]

    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            handles.append(m.register_forward_hook(count))
    was = net.training
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 1, height, width))
    net.train(was)
    for h in handles:
        h.remove()
    return total
