"""Narrow networks with random weights, one of each family that Lichen is tested with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm.models as tm
import torch
import torchvision.models as tv
from torch import nn

from .networks import without_classifier


@dataclass
class Family:
    make: Callable[[], Any]
    size: int
    # Where to cut, so that the crown has every kind of layer of the family.
    split: str
    # False: batch normalization stays in the file, and Lichen has to fold it.
    fold_batch_norm: bool = True
    # Variance that a layer's weights give its output; more, where gates make activations smaller.
    gain: float = 1.5


def _bare(network: Any) -> Any:
    without_classifier(network)
    return network


def _efficientnet_b0() -> Any:
    block = tv.efficientnet.MBConvConfig
    blocks = [block(1, 3, 1, 16, 8, 1, 1, 1), block(4, 3, 2, 8, 16, 2, 1, 1), block(4, 5, 2, 16, 24, 2, 1, 1)]
    return _bare(tv.efficientnet.EfficientNet(blocks, dropout=0.2, last_channel=64))


def _regnet() -> Any:
    params = tv.regnet.BlockParams([1, 1, 2], [16, 24, 32], [8, 8, 16], [1.0, 1.0, 1.0], [2, 2, 2], 0.25)
    return _bare(tv.regnet.RegNet(params, stem_width=8))


def _convnext() -> Any:
    block = tv.convnext.CNBlockConfig
    return _bare(tv.convnext.ConvNeXt([block(12, 24, 1), block(24, 32, 1), block(32, None, 1)]))


def _efficientnet_lite() -> Any:
    stages = [["ds_r1_k3_s1_e1_c16"], ["ir_r2_k3_s2_e4_c24"], ["ir_r2_k5_s2_e4_c40"]]
    return tm.EfficientNet(
        tm._efficientnet_builder.decode_arch_def(stages),
        num_classes=0,
        num_features=64,
        stem_size=8,
        pad_type="same",
        act_layer=nn.ReLU6,
        norm_layer=nn.BatchNorm2d,
        round_chs_fn=lambda channels: channels // 2,
    )


def _resnet() -> Any:
    return tm.ResNet(tm.resnet.BasicBlock, (1, 1, 1, 1), num_classes=0, channels=(8, 16, 24, 32))


def _shufflenet() -> Any:
    return _bare(tv.ShuffleNetV2([2, 2, 2], [8, 16, 32, 48, 64]))


def _densenet() -> Any:
    return _bare(tv.DenseNet(growth_rate=8, block_config=(2, 2, 2), num_init_features=16, bn_size=2))


def _vit() -> Any:
    return tm.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=32, depth=3, num_heads=2, mlp_ratio=2, num_classes=0
    )


def _mobilenet_v2() -> Any:
    blocks = [[1, 16, 1, 1], [4, 32, 2, 2], [6, 64, 2, 2]]
    return _bare(tv.MobileNetV2(width_mult=0.25, inverted_residual_setting=blocks, round_nearest=4))


def _mobilenet_v3() -> Any:
    config = tv.mobilenetv3.InvertedResidualConfig
    blocks = [
        config(16, 3, 16, 16, True, "RE", 2, 1, 0.5),
        config(16, 3, 48, 24, False, "RE", 2, 1, 0.5),
        config(24, 5, 64, 32, True, "HS", 2, 1, 0.5),
        config(32, 5, 96, 32, True, "HS", 1, 1, 0.5),
    ]
    return _bare(tv.MobileNetV3(blocks, last_channel=96))


FAMILIES = {
    "resnet": Family(_resnet, 64, "layer1.0.act2", fold_batch_norm=False),
    "mobilenet-v2": Family(_mobilenet_v2, 32, "features.3.add"),
    "mobilenet-v3": Family(_mobilenet_v3, 64, "features.2.block.2.0.conv", gain=2.5),
    "efficientnet-b0": Family(_efficientnet_b0, 48, "features.2.1.add", gain=2.5),
    "efficientnet-lite": Family(_efficientnet_lite, 48, "blocks.1.1.add"),
    "shufflenet-v2": Family(_shufflenet, 64, "conv1.0.conv"),
    "densenet": Family(_densenet, 64, "features.pool0.maxpool"),
    "regnet": Family(_regnet, 48, "trunk_output.block1.block1-0.activation.relu"),
    "convnext": Family(_convnext, 48, "features.1.0.add"),
    "vit": Family(_vit, 32, "blocks.0.add_2"),
}


def randomize(network: Any, gain: float, seed: int) -> None:
    """Random weights that keep activations near 1, and running statistics that matter."""
    generator = torch.Generator().manual_seed(seed)

    def draw(t: torch.Tensor, mean: float, deviation: float) -> None:
        t.copy_(torch.randn(t.shape, generator=generator) * deviation + mean)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                draw(module.running_mean, 0, 0.3)
                module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
            for name, p in module.named_parameters(recurse=False):
                if p.ndim > 1 and isinstance(module, (nn.Conv2d, nn.Linear)):
                    draw(p, 0, (gain / p[0].numel()) ** 0.5)
                elif name == "weight":
                    draw(p, 1, 0.2)
                else:
                    # Biases, tokens, positions, and ConvNeXt's scale of a layer.
                    draw(p, 0.5 if name == "layer_scale" else 0, 0.2)
