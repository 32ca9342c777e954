#!/usr/bin/env python3
"""
Exports a network of torchvision or timm as a backbone for Lichen: NAME.onnx and its manifest NAME.json.
The classifier is taken off, batch normalization is folded, the batch stays open, the size of pictures is fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbone.errors import ExportError

if TYPE_CHECKING:
    from backbone.write import Backbone

EXAMPLES = """
examples:
  a ResNet-18 with weights from a file
    python scripts/export_backbone.py --source torchvision --name resnet18 --weights resnet18.pth \\
      --licence BSD-3-Clause --out backbones
  where it can be cut, and what each cut costs; nothing is written
    python scripts/export_backbone.py --source torchvision --name resnet18 --list-splits
  a narrower network of timm, for pictures of 160 x 160, cut where you want it
    python scripts/export_backbone.py --source timm --name mobilenetv3_large_100 --size 160 \\
      --weights mine.safetensors --split blocks.5.1.add --out backbones
  settings of the network's constructor
    python scripts/export_backbone.py --source torchvision --name mobilenet_v2 --option width_mult=0.5 \\
      --weights half.pth --out backbones

A file of weights is a state_dict; torchvision's own are written by
    python -c "import torch, torchvision; torch.save(torchvision.models.get_model('resnet18', \\
      weights='DEFAULT').state_dict(), 'resnet18.pth')"
Then: lichen learn --backbone backbones/resnet18.json ...
"""


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        export(options)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument(
        "--source", required=True, choices=["torchvision", "timm"], help="the library that has the network"
    )
    p.add_argument("--name", required=True, help="the network's name there, such as resnet18")
    p.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a state_dict (.pth, .pt) or .safetensors; without it the weights are random, which is good for trials only",
    )
    p.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        type=option,
        help="a setting of the network's constructor, VALUE as JSON; may be repeated",
    )
    p.add_argument(
        "--size",
        type=positive,
        metavar="PIXELS",
        help="width and height of the input; default: what the library says for this network",
    )
    p.add_argument(
        "--mean",
        type=channels,
        metavar="M[,M,M]",
        help="taken off each value in 0..255; default: what the library says",
    )
    p.add_argument(
        "--std",
        type=channels,
        metavar="S[,S,S]",
        help="divides each value after that; default: what the library says",
    )
    p.add_argument(
        "--split",
        default="auto",
        metavar="TENSOR",
        help="where trunk and crown are cut; auto (default): the smallest latent with 20 to 60 %% of the weights above it",
    )
    p.add_argument(
        "--list-splits", action="store_true", help="print where the network can be cut, and write nothing"
    )
    p.add_argument(
        "--as",
        dest="as_name",
        type=backbone_name,
        metavar="NAME",
        help="the backbone's name; default: the network's",
    )
    p.add_argument(
        "--licence",
        default="not stated",
        metavar="TEXT",
        help="the weights' licence, as the manifest says it",
    )
    p.add_argument(
        "--origin",
        metavar="TEXT",
        help="where the weights come from, as the manifest says it; default: network, library and the file's hash",
    )
    p.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder that NAME.onnx and NAME.json are written to"
    )
    p.add_argument("--force", action="store_true", help="replace files that are there")
    return p


def export(options: argparse.Namespace) -> None:
    name = options.as_name or re.sub(r"[^a-zA-Z0-9_-]", "-", options.name)[:64]
    if not options.list_splits:
        check_target(options.out, name, options.force)
    from backbone import networks

    for package in ("torch", "onnx", options.source):
        networks.required(package)
    from backbone import write

    source = networks.load(options.source, options.name, options.weights, dict(options.option))
    mean = options.mean or [round(255 * m, 6) for m in source.mean]
    std = options.std or [round(255 * s, 6) for s in source.std]
    backbone = write.export(source.network, options.size or source.size, mean, std, options.split)
    if options.list_splits:
        print_splits(backbone)
        return
    path = write.write(backbone, options.out, name, options.licence, options.origin or origin_of(options))
    cut = backbone.cut
    print(
        f"{path}: cut at {cut.tensor}, latents of {' x '.join(map(str, cut.shape))}, {cut.weights:,} weights ({cut.share:.0%}) in the crown"
    )
    if backbone.unchecked:
        print(f"warning: the export was not compared with the network: {backbone.unchecked}", file=sys.stderr)
    if options.weights is None:
        print("warning: without --weights the network is random; it is good for trials only", file=sys.stderr)


def check_target(folder: Path | None, name: str, force: bool) -> None:
    if folder is None:
        raise ExportError("--out is missing: the folder that the backbone is written to")
    there = [str(p) for p in (folder / f"{name}.onnx", folder / f"{name}.json") if p.exists()]
    if there and not force:
        raise ExportError(
            f"{' and '.join(there)} exist already, and adapters fit only the backbone that they were made for. "
            "Give another name with --as, or --force to replace it"
        )


def origin_of(options: argparse.Namespace) -> str:
    version = sys.modules[options.source].__version__.split("+")[0]
    text = f"{options.name} of {options.source} {version}, without its classifier"
    if options.weights is None:
        return f"{text}; random weights"
    sha256 = hashlib.sha256(options.weights.read_bytes()).hexdigest()
    return f"{text}; weights {options.weights.name}, sha256 {sha256}"


def print_splits(backbone: Backbone) -> None:
    print("  split                                             latent            bytes  crown weights  share")
    for cut in backbone.cuts:
        mark = "*" if cut is backbone.cut else " "
        # One byte a value, a half-precision scale a channel.
        size = cut.values + 2 * (cut.shape[0] if len(cut.shape) > 1 else 1)
        shape = " x ".join(map(str, cut.shape))
        print(f"{mark} {cut.tensor:<48}  {shape:<15} {size:>7,}  {cut.weights:>13,}  {cut.share:>5.0%}")
    print("* what --split auto takes")


def option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of pixels")
    return int(text)


def channels(text: str) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        raise argparse.ArgumentTypeError(f"'{text}' is not one number or three with commas between them")
    return values * (3 // len(values))


def backbone_name(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(
            f"'{text}' has other signs than letters, digits, _ and -, or more than 64"
        )
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
