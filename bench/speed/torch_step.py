"""(a) One Piggyback step on the default crown: the same arithmetic as Lichen's training graph, in each form that
PyTorch offers. pip: torch numpy onnx

Masks through a threshold with a straight-through gradient, a scale and a bias per output channel, the depthwise layer
frozen, a softmax head, label smoothing 0.1, Adam on all. The scale is folded into the weight, as there.
"""

import os

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

import peer

MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "models", "efficientnet-lite0.onnx")
MASKED = ("block15.expand", "block15.project", "head")
DEPTHWISE = "block15.depthwise"
# Layouts: activations as they come; channels last in memory; rows of channels, pointwise layers as matrix products.
LAYOUTS = ("NCHW", "channels_last", "rows")


class Binarize(torch.autograd.Function):
    @staticmethod
    def forward(context, mask):
        return (mask > 5e-3).float()

    @staticmethod
    def backward(context, gradient):
        return gradient


class Crown(torch.nn.Module):
    """Block 15 and the head convolution of EfficientNet-Lite0, masked. Latents [N, 192, 7, 7] -> logits."""

    def __init__(self, layout, classes=peer.CLASSES):
        super().__init__()
        initializers = onnx.load(MODEL).graph.initializer
        weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in initializers}
        self.rows = layout == "rows"
        self.kernel, self.kernel_bias = weights[f"{DEPTHWISE}.weight"], weights[f"{DEPTHWISE}.bias"]
        if layout != "NCHW":
            self.kernel = self.kernel.to(memory_format=torch.channels_last)
        self.frozen = []
        self.masks, self.scales, self.biases = (torch.nn.ParameterList() for _ in range(3))
        for name in MASKED:
            weight = weights[f"{name}.weight"]
            if self.rows:
                weight = weight.flatten(1)
            self.frozen.append(weight)
            self.masks.append(torch.nn.Parameter(torch.full_like(weight, 1e-2)))
            self.scales.append(torch.nn.Parameter(torch.ones(len(weight))))
            self.biases.append(torch.nn.Parameter(weights[f"{name}.bias"].clone()))
        self.head = peer.head(1280, classes)

    def groups(self):
        channel = [*self.scales, *self.biases, *self.head.parameters()]
        return [{"params": list(self.masks), "lr": 3e-4}, {"params": channel, "lr": 3e-3}]

    def pointwise(self, x, i):
        scale = self.scales[i].view(-1, *[1] * (self.masks[i].dim() - 1))
        weight = self.frozen[i] * Binarize.apply(self.masks[i]) * scale
        return F.linear(x, weight, self.biases[i]) if self.rows else F.conv2d(x, weight, self.biases[i])

    def depthwise(self, x):
        if self.rows:
            x = x.permute(0, 3, 1, 2)
        x = F.conv2d(x, self.kernel, self.kernel_bias, padding=1, groups=1152)
        return x.permute(0, 2, 3, 1) if self.rows else x

    def forward(self, x):
        x = F.relu6(self.pointwise(x, 0))
        x = F.relu6(self.depthwise(x))
        x = self.pointwise(x, 1)
        x = F.relu6(self.pointwise(x, 2))
        return self.head(x.mean((1, 2) if self.rows else (2, 3)))


def latents(count):
    """Latents that one byte a value holds exactly, as Lichen's side keeps them."""
    steps = torch.from_numpy((peer.hashes(1, count * 192 * 49) % 255).astype("float32")) - 127
    steps = steps.view(count, 192, 49)
    steps[:, :, 0] = 127
    return (steps / 64).view(count, 192, 7, 7)


def build(layout, batch):
    crown = Crown(layout)
    return crown, crown.groups(), peer.in_layout(latents(batch), layout)


if __name__ == "__main__":
    peer.main(LAYOUTS, build)
