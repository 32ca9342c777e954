"""(d) One training step of MobileNetV2's last four blocks (Sandler et al. 2018, table 2): inverted residuals
160-960-160 twice and 160-960-320, the convolution to 1280, on 7 x 7. Batch norm is folded; pointwise weights and all
biases are trained by Adam, depthwise kernels are frozen, on both sides. pip: torch numpy"""

import torch
import torch.nn.functional as F

import peer

BLOCKS = ((160, 160), (160, 160), (160, 320))
EXPANSION = 6
FEATURES = 1280


class Layer(torch.nn.Module):
    """A pointwise or a depthwise convolution with its bias; `rows` has pointwise ones as products of rows."""

    def __init__(self, seed, c_in, c_out, layout, depthwise=False):
        super().__init__()
        weight = peer.layer(seed, (c_out, 1, 3, 3) if depthwise else (c_out, c_in, 1, 1))
        self.rows, self.depthwise = layout == "rows", depthwise
        if depthwise:
            if layout != "NCHW":
                weight = weight.to(memory_format=torch.channels_last)
            self.register_buffer("weight", weight)
        else:
            if self.rows:
                weight = weight.flatten(1)
            elif layout == "channels_last":
                weight = weight.to(memory_format=torch.channels_last)
            self.weight = torch.nn.Parameter(weight)
        self.bias = torch.nn.Parameter(torch.zeros(c_out))

    def forward(self, x):
        if not self.depthwise:
            return F.linear(x, self.weight, self.bias) if self.rows else F.conv2d(x, self.weight, self.bias)
        if self.rows:
            x = x.permute(0, 3, 1, 2)
        x = F.conv2d(x, self.weight, self.bias, padding=1, groups=len(self.weight))
        return x.permute(0, 2, 3, 1) if self.rows else x


class Top(torch.nn.Module):
    def __init__(self, layout):
        super().__init__()
        self.layout = layout
        self.blocks = torch.nn.ModuleList()
        for i, (c_in, c_out) in enumerate(BLOCKS):
            wide = EXPANSION * c_in
            seed = 10 + 3 * i
            self.blocks.append(
                torch.nn.ModuleList(
                    (
                        Layer(seed, c_in, wide, layout),
                        Layer(seed + 1, wide, wide, layout, depthwise=True),
                        Layer(seed + 2, wide, c_out, layout),
                    )
                )
            )
        self.last = Layer(10 + 3 * len(BLOCKS), BLOCKS[-1][1], FEATURES, layout)
        self.head = peer.head(FEATURES)

    def forward(self, x):
        for (c_in, c_out), (expand, depthwise, project) in zip(BLOCKS, self.blocks):
            y = project(F.relu6(depthwise(F.relu6(expand(x)))))
            x = x + y if c_in == c_out else y
        return self.head(F.relu6(self.last(x)).mean((1, 2) if self.layout == "rows" else (2, 3)))


def build(layout, batch):
    net = Top(layout)
    x = peer.in_layout(peer.uniform(1, (batch, 160, 7, 7), 1), layout)
    return net, [{"params": list(net.parameters()), "lr": 1e-4}], x


if __name__ == "__main__":
    peer.main(("NCHW", "channels_last", "rows"), build)
