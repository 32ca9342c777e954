"""Networks of torchvision and timm, with the user's weights and without their classifier."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ExportError

# Where torchvision's classification networks keep their classifier.
CLASSIFIERS = ("fc", "classifier", "heads", "head")
# Under which keys training programs put the weights into a checkpoint.
WRAPPERS = ("state_dict", "model_state_dict", "state_dict_ema", "model")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass
class Source:
    """A network and what its library says about its input."""

    network: Any
    size: int
    # Of each channel, in 0..1.
    mean: tuple[float, ...]
    std: tuple[float, ...]


def load(library: str, name: str, weights: Path | None, options: dict[str, Any]) -> Source:
    """Builds a network, loads its weights and takes its classifier off."""
    module = required(library)
    if library == "timm":
        source, removed = _from_timm(module, name, options)
    else:
        source, removed = _from_torchvision(module, name, options)
    if weights is not None:
        load_weights(source.network, weights, removed)
    return source


def required(package: str) -> Any:
    """Imports a package that this script needs, or says how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ExportError(
            f"the Python package '{package}' cannot be imported ({error}).\n"
            "  python3 -m venv .venv && .venv/bin/pip install torch torchvision timm onnx numpy\n"
            "and run this script with .venv/bin/python"
        ) from error


def _from_torchvision(torchvision: Any, name: str, options: dict[str, Any]) -> tuple[Source, tuple[str, ...]]:
    models = torchvision.models
    if name not in models.list_models(module=models):
        raise ExportError(
            f"torchvision has no classification network '{name}'. {_similar(name, models.list_models(module=models))}"
        )
    network = _built(name, lambda: models.get_model(name, weights=None, **options))
    removed = without_classifier(network)
    default = getattr(models.get_model_weights(name), "DEFAULT", None)
    preset = default.transforms() if default is not None else None
    size = getattr(preset, "crop_size", [224])[0]
    mean = tuple(getattr(preset, "mean", IMAGENET_MEAN))
    std = tuple(getattr(preset, "std", IMAGENET_STD))
    return Source(network, size, mean, std), (removed,)


def _from_timm(timm: Any, name: str, options: dict[str, Any]) -> tuple[Source, tuple[str, ...]]:
    bare = name.split(".")[0]
    if not timm.is_model(bare):
        raise ExportError(f"timm has no network '{name}'. {_similar(bare, timm.list_models())}")
    network = _built(name, lambda: timm.create_model(name, pretrained=False, num_classes=0, **options))
    config = timm.data.resolve_data_config({}, model=network)
    classifier = network.pretrained_cfg.get("classifier") or ()
    removed = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return Source(network, config["input_size"][1], tuple(config["mean"]), tuple(config["std"])), removed


def without_classifier(network: Any) -> str:
    """Puts nothing in the place of the last linear layer, so that its input comes out; returns its path."""
    nn = required("torch.nn")
    paths = [
        path
        for path, module in network.named_modules()
        if isinstance(module, nn.Linear) and path.split(".")[0] in CLASSIFIERS
    ]
    if not paths:
        raise ExportError(
            f"{type(network).__name__} has no linear classifier at {', '.join(CLASSIFIERS)}, "
            "so what its features are cannot be told"
        )
    parent, _, last = paths[-1].rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return paths[-1]


def load_weights(network: Any, file: Path, removed: tuple[str, ...]) -> None:
    """Loads a checkpoint's weights; the classifier's are left out, all others must fit."""
    state = _read_state(file)
    own = network.state_dict()
    given = {k: v for k, v in state.items() if not any(k == r or k.startswith(r + ".") for r in removed)}
    # Counters of training steps; old checkpoints lack them.
    missing = [k for k in own if k not in given and not k.endswith("num_batches_tracked")]
    unknown = [k for k in given if k not in own]
    other = [
        f"{k} {list(given[k].shape)}, expected {list(own[k].shape)}"
        for k in own
        if k in given and given[k].shape != own[k].shape
    ]
    for what, keys in (("lacks", missing), ("has unknown", unknown), ("has other shapes:", other)):
        if keys:
            raise ExportError(
                f"{file} is not of this network: it {what} {_some(keys)}. "
                "Check --source and --name, and --option if the network was built with other settings"
            )
    network.load_state_dict(given, strict=False)


def _read_state(file: Path) -> dict[str, Any]:
    torch = required("torch")
    if not file.is_file():
        raise ExportError(f"there is no file {file}")
    try:
        if file.suffix == ".safetensors":
            return required("safetensors.torch").load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except ExportError:
        raise
    except Exception as error:  # whatever a damaged or foreign file makes the readers say
        raise ExportError(
            f"{file} cannot be read as weights: it is damaged, or holds more than tensors ({type(error).__name__}). "
            "Expected is a state_dict that torch.save wrote, or a .safetensors file; a whole pickled model is not "
            "read, since loading it would run its code"
        ) from error
    for key in WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            break
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ExportError(
            f"{file} holds no state_dict (names and tensors), nor one under {', '.join(WRAPPERS)}"
        )
    return {k.removeprefix("module."): v for k, v in state.items()}


def _built(name: str, build: Any) -> Any:
    try:
        return build()
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise ExportError(f"{name} cannot be built with these options: {error}") from error


def _similar(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=5, cutoff=0.4)
    return f"Similar: {', '.join(close)}" if close else "Its documentation lists the names"


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
