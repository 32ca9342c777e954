#!/usr/bin/env python3
"""
Makes test/fixtures/gradients: of each family of networks a narrow one with random weights, exported by
export_backbone.py's own functions, and PyTorch's gradients of its crown, which the engine's are compared with.
Run it again only where networks are added or the export changes; the fixtures are committed.
"""

from __future__ import annotations

import argparse
import base64
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from backbone.errors import ExportError
from backbone.networks import required

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = 3
CLASSES = 4
# Rounding in single precision moves values by less than this, relative to the largest of their tensor.
MARGIN = 3e-6
# PyTorch's own gradient at the picture, through the network, and through the exported graph: both in double.
TOLERANCE = 1e-5
ATTEMPTS = 200


def main(arguments: list[str]) -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "--out",
        type=Path,
        default=ROOT / "test/fixtures/gradients",
        metavar="DIR",
        help="default: %(default)s",
    )
    p.add_argument("families", nargs="*", metavar="FAMILY", help="make these only; default: all")
    options = p.parse_args(arguments)
    try:
        for package in ("torch", "onnx", "torchvision", "timm"):
            required(package)
        make_all(options.out, options.families)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def make_all(out: Path, wanted: list[str]) -> None:
    from backbone.families import FAMILIES

    unknown = [name for name in wanted if name not in FAMILIES]
    if unknown:
        raise ExportError(f"there is no family {', '.join(unknown)}; known: {', '.join(FAMILIES)}")
    for number, (name, family) in enumerate(FAMILIES.items(), start=1):
        if not wanted or name in wanted:
            make(out, name, family, number)


def make(out: Path, name: str, family: Any, seed: int) -> None:
    """Writes NAME.onnx, its manifest NAME.json, and NAME.gradients.json."""
    import torch
    from backbone import families, write

    torch.manual_seed(seed)
    network = family.make()
    families.randomize(network, family.gain, seed)
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    backbone = write.export(network, family.size, mean, std, family.split, family.fold_batch_norm)
    if backbone.unchecked:
        raise ExportError(f"{name}: {backbone.unchecked}")
    origin = f"{name}, narrow, with random weights: scripts/make_gradient_fixtures.py"
    write.write(backbone, out, name, "CC0-1.0", origin)
    found, image = measured(backbone, family.size, seed)
    compare(name, network, found, image)
    (out / f"{name}.gradients.json").write_text(write.to_json(fixture_of(found)))
    split = backbone.cut.tensor
    start = 1 + max(i for i, n in enumerate(backbone.graph.nodes) if split in n.output)
    operators = Counter(n.op_type for n in backbone.graph.nodes[start:])
    print(
        f"{name}: {len(found.constants)} gradients, {sum(g.numel() for g in found.constants.values()):,} values, "
        f"loss {found.loss:.4f}, margin {found.margin:.1e}; {', '.join(f'{k} {v}' for k, v in sorted(operators.items()))}"
    )


def measured(backbone: Any, size: int, seed: int) -> tuple[Any, Any]:
    """The gradients for random pictures; others are drawn where a value lies on an operator's kink."""
    import torch
    from backbone.gradients import gradients

    for attempt in range(ATTEMPTS):
        generator = torch.Generator().manual_seed(1000 * seed + attempt)
        image = torch.randn(SAMPLES, 3, size, size, generator=generator)
        found = gradients(backbone.graph, backbone.cut.tensor, image, CLASSES, generator)
        if found.margin > MARGIN:
            return found, image
    raise ExportError(
        f"in {ATTEMPTS} attempts some value always lay within {MARGIN} of a kink; make the network narrower"
    )


def compare(name: str, network: Any, found: Any, image: Any) -> None:
    """The graph that is differentiated must be the network: PyTorch's gradient at the picture says so."""
    from backbone.gradients import loss_of

    network = network.double().eval()
    own = image.double().requires_grad_(True)
    loss = loss_of(network(own), found.head, found.bias, found.targets)
    loss.backward()
    apart = float((own.grad - found.image_gradient).norm() / own.grad.norm())
    if not apart < TOLERANCE or not math.isclose(loss.item(), found.loss, rel_tol=TOLERANCE):
        raise ExportError(
            f"{name}: the exported graph's gradient at the picture is {apart:.1e} away from the network's"
        )


def fixture_of(found: Any) -> dict[str, Any]:
    return {
        "latent": tensor(found.latent),
        "features": tensor(found.features),
        "headWeight": tensor(found.head),
        "headBias": tensor(found.bias),
        "targets": tensor(found.targets),
        "loss": found.loss,
        "gradients": {
            "headWeight": tensor(found.head_gradient),
            "latent": tensor(found.latent_gradient),
            **{key: tensor(g) for key, g in found.constants.items()},
        },
    }


def tensor(value: Any) -> dict[str, Any]:
    """Shape, and little-endian float32 values in base64."""
    data = value.detach().float().contiguous().numpy().astype("<f4").tobytes()
    return {"dims": list(value.shape), "data": base64.b64encode(data).decode()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
