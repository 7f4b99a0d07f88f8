"""The verifier: looks closely at one candidate of the finder's and says whether it is a checkbox, whether it is filled, and where
its edges are.

A few dozen layers' worth of work on two squares of SIZE pixels, in the middle of which the candidate lies, its longer side BOX
pixels in the one and WIDE in the other: whatever the page's resolution and wherever the finder's cells happened to lie on the box,
it is shown the same way.  That, and that it sees nothing else, is why it is surer than a finder can be (the second stage of
Girshick's R-CNN, 2014).  The wide view tells what a square alone cannot: that it enlarges a window, explains a colour, or is a cell.

Input   float [N,1,2*SIZE,SIZE], value 1 - grey/255 (ink 1, paper 0), the wide view below the close one.
Output  float [N,6,1,1]:
        0     logit of "a checkbox"
        1     logit of "filled", given that it is one
        2..5  how far its left, upper, right and lower edge lie from those of the candidate's square, in units of BOX pixels
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.net import OUT, ConvBn

SIZE, BOX, WIDE = (
    96,
    20.0,
    7.5,
)  # px: of the square, and of the candidate's longer side in the close and in the wide view

# Channels at strides 2, 4, 8, 16, 32: 26 MFLOP a candidate (multiply and add counted apart), a tenth of them for the wide view.
CHANNELS = (12, 24, 48, 64, 64)
WIDE_CHANNELS = (6, 12, 24, 32, 40)


class Verifier(nn.Module):
    """See the module's text for input and output."""

    def __init__(self, channels: tuple[int, int, int, int, int] = CHANNELS) -> None:
        super().__init__()
        c2, c4, c8, c16, c32 = channels
        self.channels = channels
        self.stem2 = nn.Conv2d(1, c2, 3, 2, 1)
        self.stem4 = ConvBn(c2, c4, 2)
        self.res4 = ConvBn(c4, c4)
        self.down8 = ConvBn(c4, c8, 2)
        self.res8 = ConvBn(c8, c8)
        self.down16 = ConvBn(c8, c16, 2)
        self.res16 = ConvBn(c16, c16)
        self.down32 = ConvBn(c16, c32, 2)
        w2, w4, w8, w16, w32 = WIDE_CHANNELS
        self.wide2 = nn.Conv2d(1, w2, 3, 2, 1)
        self.wide4 = ConvBn(w2, w4, 2)
        self.wide8 = ConvBn(w4, w8, 2)
        self.wide16 = ConvBn(w8, w16, 2)
        self.wide32 = ConvBn(w16, w32, 2)
        self.context = nn.Conv2d(w32, c16, SIZE // 32)
        nn.init.zeros_(self.context.weight)
        self.head = nn.Conv2d(c32, OUT, SIZE // 32)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        x, wide = x[:, :, :SIZE], x[:, :, SIZE:]
        for layer in (self.wide2, self.wide4, self.wide8, self.wide16, self.wide32):
            wide = F.relu(layer(wide))
        x = F.relu(self.stem4(F.relu(self.stem2(x))))
        x = F.relu(x + self.res4(x))
        x = F.relu(self.down8(x))
        x = F.relu(x + self.res8(x))
        x = F.relu(self.down16(x))
        x = F.relu(x + self.res16(x))
        return self.head(F.relu(self.down32(x + self.context(wide))))  # the same everywhere in the close view


def edges(out: Tensor) -> Tensor:
    """Boxes [4,n] (x1, y1, x2, y2 in pixels of the input) from outputs [n,6]."""
    low, high = (SIZE - BOX) / 2, (SIZE + BOX) / 2
    return (out[:, 2:6] * BOX + torch.tensor([low, low, high, high])).T
