"""(c) One training step of a network of four 3x3 convolutions on 32 x 32 x 3, all weights trained by Adam.
pip: torch numpy"""

import torch
import torch.nn.functional as F

import peer

CHANNELS = (3, 32, 64, 128, 128)


class ConvNet(torch.nn.Module):
    """Convolution and ReLU, three times with max-pooling behind, then the mean over what is left."""

    def __init__(self):
        super().__init__()
        self.convs = torch.nn.ModuleList()
        for i, (c_in, c_out) in enumerate(zip(CHANNELS, CHANNELS[1:])):
            conv = torch.nn.Conv2d(c_in, c_out, 3, padding=1)
            conv.weight.data = peer.layer(10 + i, (c_out, c_in, 3, 3))
            torch.nn.init.zeros_(conv.bias)
            self.convs.append(conv)
        self.head = peer.head(CHANNELS[-1])

    def forward(self, x):
        for conv in self.convs[:-1]:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.head(F.relu(self.convs[-1](x)).mean((2, 3)))


def build(layout, batch):
    net = ConvNet()
    if layout == "channels_last":
        net = net.to(memory_format=torch.channels_last)
    x = peer.in_layout(peer.uniform(1, (batch, 3, 32, 32), 1), layout)
    return net, [{"params": list(net.parameters()), "lr": 1e-3}], x


if __name__ == "__main__":
    peer.main(("NCHW", "channels_last"), build)
