"""PyTorch's gradients of a crown: the exported graph itself, differentiated by autograd in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
import torch
from onnx import helper

from .graph import Graph, attributes_of
from .interpreter import run

# What Lichen's two-stage fold of batch normalization calls the tensor between scale and shift.
SCALED = ".scaled"


@dataclass
class Gradients:
    latent: torch.Tensor
    # [samples, features] of the crown.
    features: torch.Tensor
    head: torch.Tensor
    bias: torch.Tensor
    targets: torch.Tensor
    loss: float
    # By 'OUTPUT:INDEX': the constant that the node with that output reads as its input INDEX.
    constants: dict[str, torch.Tensor]
    head_gradient: torch.Tensor
    latent_gradient: torch.Tensor
    image_gradient: torch.Tensor
    # How near a value comes to where an operator has no derivative, relative to the largest; the least.
    margin: float


def gradients(
    graph: Graph, split: str, image: torch.Tensor, classes: int, generator: torch.Generator
) -> Gradients:
    """Mean softmax cross-entropy of a random linear head on the features, and its gradients."""
    plain = fold_batch_norm(graph)
    leaves: dict[str, torch.Tensor] = {}
    for name, value in plain.constants.items():
        tensor = torch.from_numpy(value.copy())
        leaves[name] = tensor.double() if tensor.is_floating_point() else tensor
    keys = crown_constants(plain, split)
    for name in keys.values():
        leaves[name].requires_grad_(True)
    values = dict(leaves) | {"image": image.double().requires_grad_(True)}
    cut = 1 + max(i for i, n in enumerate(plain.nodes) if split in n.output)
    run(plain.nodes[:cut], values)
    # Fixtures keep the latent in single precision: the crown starts from what is kept.
    exact = values[split]
    latent = exact + (exact.detach().float().double() - exact.detach())
    latent.retain_grad()
    values[split] = latent
    margins: dict[str, float] = {}
    run(plain.nodes[cut:], values, margins)
    features = values["features"]
    head = torch.randn(classes, features.shape[1], generator=generator) / features.shape[1] ** 0.5
    head = head.double().requires_grad_(True)
    bias = torch.randn(classes, generator=generator).double()
    targets = torch.softmax(2 * torch.randn(len(image), classes, generator=generator), 1).double()
    loss = loss_of(features, head, bias, targets)
    loss.backward()
    return Gradients(
        latent.detach(),
        features.detach(),
        head.detach(),
        bias,
        targets,
        loss.item(),
        {key: leaves[name].grad for key, name in keys.items()},
        head.grad,
        latent.grad,
        values["image"].grad,
        min(margins.values(), default=1.0),
    )


def loss_of(
    features: torch.Tensor, head: torch.Tensor, bias: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    return -(torch.log_softmax(features @ head.T + bias, 1) * targets).sum(1).mean()


def crown_constants(graph: Graph, split: str) -> dict[str, str]:
    """Every float constant of more than one value that the crown reads, by the first place that reads it."""
    start = 1 + max(i for i, n in enumerate(graph.nodes) if split in n.output)
    found: dict[str, str] = {}
    for node in graph.nodes[start:]:
        for i, name in enumerate(node.input):
            value = graph.constants.get(name)
            if (
                value is not None
                and value.dtype.kind == "f"
                and value.size > 1
                and name not in found.values()
            ):
                found[f"{node.output[0]}:{i}"] = name
    return found


def fold_batch_norm(graph: Graph) -> Graph:
    """
    Batch normalization as Lichen writes it: y = a x + c per channel, merged into the convolution before it where
    nothing else reads that one's output. In double precision.
    """
    constants = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in graph.constants.items()}
    readers: dict[str, int] = {}
    for name in (i for n in graph.nodes for i in n.input):
        readers[name] = readers.get(name, 0) + 1
    convs = {n.output[0]: n for n in graph.nodes if n.op_type == "Conv" and readers.get(n.output[0]) == 1}
    nodes: list[onnx.NodeProto] = []
    rank = {k: len(v) for k, v in graph.shapes().items()}
    for node in graph.nodes:
        if node.op_type != "BatchNormalization":
            nodes.append(node)
            continue
        out = node.output[0]
        gamma, beta, mean, variance = (constants[i] for i in node.input[1:5])
        a = gamma / np.sqrt(variance + attributes_of(node).get("epsilon", 1e-5))
        c = beta - mean * a
        conv = convs.get(node.input[0])
        wide = (-1, *[1] * (rank[out] - 2))
        if conv is None:
            constants[f"{out}.scale"], constants[f"{out}.shift"] = a.reshape(wide), c.reshape(wide)
            nodes.append(helper.make_node("Mul", [node.input[0], f"{out}.scale"], [out + SCALED]))
            nodes.append(helper.make_node("Add", [out + SCALED, f"{out}.shift"], [out]))
            continue
        weight = constants[conv.input[1]]
        bias = constants[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(a))
        constants[f"{out}.weight"] = weight * a.reshape(-1, *[1] * (weight.ndim - 1))
        constants[f"{out}.bias"] = bias * a + c
        merged = helper.make_node("Conv", [conv.input[0], f"{out}.weight", f"{out}.bias"], [out])
        merged.attribute.extend(conv.attribute)
        nodes[nodes.index(conv)] = merged
    folded = replace(graph, nodes=nodes, constants=constants)
    folded.prune()
    return folded
