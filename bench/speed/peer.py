"""What the PyTorch peers share: deterministic data, the line protocol, timing, memory.

A peer is a process that stays warm and trains so many steps whenever it is asked, so that it can take turns with
Lichen's side of the same work (bench/speed/contestant.ts):

    peer.py -> {"ready": true, "losses": [...], "versions": {...}, ...}     after the warm-up
    stdin   <- {"steps": 5}
    peer.py -> {"ms": [...], "peakRssBytes": ..., "workingPeakRssBytes": ...}

Without --serve it trains a fixed number of steps by itself and prints the same as one JSON line a variant.
"""

import argparse
import json
import platform
import sys
import time
import warnings

import numpy as np
import torch
import torch.nn.functional as F

# Every network tells as many classes; the labels of a batch take turns.
CLASSES = 10
# How a step is run: eagerly, or by `torch.compile` in a mode.
MODES = {"eager": None, "compile": "default", "compile max-autotune": "max-autotune-no-cudagraphs"}
# Steps whose losses are told, so that both sides can be seen to compute the same; and steps before anything counts.
COMPARED = 10
WARM = 10


def hashes(seed, count):
    """The first `count` numbers of a counter-based generator of 32 bits (as `hashed` of bench/speed/values.ts)."""
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return x ^ (x >> np.uint32(16))


def uniform(seed, shape, bound):
    """Numbers in [-bound, bound), the same as Lichen's side draws."""
    h = hashes(seed, int(np.prod(shape))).astype(np.float64)
    return torch.from_numpy(((h / 2.0**31 - 1) * bound).astype(np.float32).reshape(shape))


def layer(seed, shape):
    """A random weight whose products keep the size of what goes through (He et al. 2015, uniform)."""
    return uniform(seed, shape, (6 / int(np.prod(shape[1:]))) ** 0.5)


def head(features, classes=CLASSES):
    """The dense layer to the logits, which begins at zero."""
    linear = torch.nn.Linear(features, classes)
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    return linear


def in_layout(x, layout):
    """Pictures [N, C, H, W] as they come, channels last in memory, or as rows of channels [N, H, W, C]."""
    if layout == "channels_last":
        return x.to(memory_format=torch.channels_last)
    return x.permute(0, 2, 3, 1).contiguous() if layout == "rows" else x


def memory(field="VmHWM"):
    """Resident bytes: the peak, or with `VmRSS` now."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def forget_peak():
    """Lets the peak begin anew; where the kernel forbids it, the peak stays that of the whole life."""
    try:
        with open("/proc/self/clear_refs", "w") as control:
            control.write("5")
    except OSError:
        pass


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "threads": torch.get_num_threads()}


def adam(groups):
    """Adam as PyTorch runs it fastest on a CPU: one fused kernel a tensor."""
    return torch.optim.Adam(groups, fused=True)


def smoothed(labels, classes, smoothing=0.1):
    """Targets as Lichen's learner makes them."""
    targets = torch.full((len(labels), classes), smoothing / classes)
    targets[torch.arange(len(labels)), labels] += 1 - smoothing
    return targets


def trainer(net, groups, x, mode):
    """One training step: gradients of the loss on the batch `x`, Adam on all; returns the loss before it."""
    torch.compiler.reset()
    targets = smoothed(torch.arange(len(x)) % CLASSES, CLASSES)
    optimizer = adam(groups)

    def loss(x):
        return F.cross_entropy(net(x), targets)

    run = torch.compile(loss, mode=mode) if mode else loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        value = run(x)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def arguments(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", choices=variants, help="only this form")
    parser.add_argument("--list", action="store_true", help="print the forms as JSON and end")
    parser.add_argument("--serve", action="store_true", help="train when asked on standard input")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    return parser.parse_args()


def main(layouts, build):
    """`build(layout, batch)` returns a network, the groups of its parameters for Adam, and a batch for it."""
    variants = {f"{how}, {layout}": (mode, layout) for how, mode in MODES.items() for layout in layouts}
    options = arguments(list(variants))
    if options.list:
        print(json.dumps(list(variants)))
        return
    # What compilers and tracers warn of is no result.
    warnings.filterwarnings("ignore")
    torch.set_num_threads(options.threads)
    imported = memory("VmRSS")
    for variant in [options.variant] if options.variant else variants:
        begun = time.perf_counter()
        mode, layout = variants[variant]
        step = trainer(*build(layout, options.batch), mode)
        losses = [step() for _ in range(COMPARED)]
        for _ in range(WARM):
            step()
        about = {
            "variant": variant,
            "losses": losses,
            "versions": versions(),
            "importedRssBytes": imported,
            "secondsToReady": round(time.perf_counter() - begun, 1),
        }
        life = memory()
        forget_peak()

        def run(steps):
            ms = []
            for _ in range(steps):
                start = time.perf_counter()
                step()
                ms.append(round((time.perf_counter() - start) * 1e3, 3))
            working = memory()
            return {"ms": ms, "peakRssBytes": max(life, working), "workingPeakRssBytes": working}

        if options.serve:
            say({"ready": True, **about})
            for line in sys.stdin:
                say(run(json.loads(line)["steps"]))
            return
        result = run(options.steps)
        say({**about, "medianMs": round(float(np.median(result["ms"])), 3), **result})


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
