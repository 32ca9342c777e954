"""Exports a network, checks the export against PyTorch, and writes the backbone with its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .cuts import Cut, choose, cuts_of
from .errors import ExportError, first_line
from .graph import Graph
from .interpreter import UnknownOperator, run
from .trace import trace

# Largest difference to PyTorch's own features, relative to the largest of them.
TOLERANCE = 1e-3


@dataclass
class Backbone:
    """What a manifest says (src/backbone/manifest.ts), but for the file's name and hash."""

    graph: Graph
    cuts: list[Cut]
    cut: Cut
    size: int
    # Of values in 0..255: one number, or one a channel.
    mean: float | list[float]
    std: float | list[float]
    # Why the export was not compared with the network; None where it was.
    unchecked: str | None


def export(
    network: Any,
    size: int,
    mean: list[float],
    std: list[float],
    split: str = "auto",
    fold_batch_norm: bool = True,
) -> Backbone:
    """
    Makes a backbone of a network that gives features.
    @param mean, std of each channel, of values in 0..255
    """
    _check_features(network, size)
    graph = trace(network, size, fold_batch_norm)
    try:
        _check_export(network, graph, size)
        unchecked = None
    except UnknownOperator as error:
        unchecked = str(error)
    cuts = cuts_of(graph)
    return Backbone(graph, cuts, choose(cuts, split), size, _scalar(mean), _scalar(std), unchecked)


def write(backbone: Backbone, folder: Path, name: str, licence: str, origin: str) -> Path:
    """Writes NAME.onnx and, once that is complete, NAME.json; returns the manifest's path."""
    data = backbone.graph.to_model().SerializeToString(deterministic=True)
    manifest = {
        "format": 1,
        "name": name,
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": licence,
        "source": origin,
        "input": {
            "name": "image",
            "width": backbone.size,
            "height": backbone.size,
            "layout": "NCHW",
            "colour": "RGB",
            "mean": backbone.mean,
            "std": backbone.std,
        },
        "features": "features",
        "split": backbone.cut.tensor,
        "latentShape": backbone.cut.shape,
    }
    path = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / f"{name}.onnx", data)
        _write_whole(path, to_json(manifest).encode())
    except OSError as error:
        raise ExportError(f"cannot write {error.filename}: {error.strerror}") from error
    return path


def to_json(value: dict[str, Any]) -> str:
    """JSON with a key a line and lists of numbers in one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r"\[\n([-\d.e,\s]+)\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"


def _write_whole(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def _scalar(values: list[float]) -> float | list[float]:
    return values[0] if len(set(values)) == 1 else values


def _check_features(network: Any, size: int) -> None:
    try:
        with torch.no_grad():
            features = network.float().eval()(torch.zeros(2, 3, size, size))
    except Exception as error:  # whatever a network says of a size that it is not made for
        raise ExportError(
            f"the network does not take pictures of {size} x {size}: {first_line(error)}"
        ) from error
    if not isinstance(features, torch.Tensor) or features.ndim != 2 or len(features) != 2:
        shape = list(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
        raise ExportError(
            f"without its classifier the network gives {shape}, not one row of features per picture"
        )


def _check_export(network: Any, graph: Graph, size: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for batch in (1, 5):
        image = torch.randn(batch, 3, size, size, generator=generator)
        values = {k: torch.from_numpy(v.copy()) for k, v in graph.constants.items()}
        values["image"] = image
        with torch.no_grad():
            expected = network(image)
            run(graph.nodes, values)
        apart = float((values["features"] - expected).abs().max() / expected.abs().max())
        if not apart <= TOLERANCE:
            raise ExportError(
                f"the exported graph computes other features than the network (batch {batch}, relative difference {apart:.1e})"
            )
