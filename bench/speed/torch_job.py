"""(b) The whole job of `lichen learn` in PyTorch: pictures in class folders -> a Piggyback adapter, judged on held-out
pictures. pip: torch numpy onnx pillow

    torch_job.py FOLDER --latents cached    decodes and runs the trunk once a picture, trains on kept latents
    torch_job.py FOLDER --latents none      runs the trunk in every step, as training scripts do

The same pictures are held out as in Lichen, the same masks trained with the same rates, over the same epochs. Prints
one JSON line.
"""

import argparse
import hashlib
import json
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

BEGUN = time.perf_counter()

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from PIL import Image

import peer
import torch_step

SPLIT = "block14.add"
HELD_OUT = 0.2


class Trunk(torch.nn.Module):
    """The backbone up to the split, from the ONNX file that Lichen uses: convolutions, ReLU6, additions."""

    def __init__(self):
        super().__init__()
        graph = onnx.load(torch_step.MODEL).graph
        weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
        end = [n.output[0] for n in graph.node].index(SPLIT)
        self.nodes = []
        self.convs = torch.nn.ModuleList()
        for node in graph.node[: end + 1]:
            if node.op_type == "Conv":
                self.nodes.append(("Conv", node.input[0], len(self.convs), node.output[0]))
                self.convs.append(convolution(node, weights))
            else:
                self.nodes.append((node.op_type, node.input[0], node.input[1], node.output[0]))

    def forward(self, x):
        known = {"image": x}
        for op, source, other, target in self.nodes:
            x = known[source]
            if op == "Conv":
                known[target] = self.convs[other](x)
            else:
                known[target] = F.relu6(x) if op == "Clip" else x + known[other]
        return known[SPLIT]


def convolution(node, weights):
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    weight = weights[node.input[1]]
    top, left, bottom, right = attributes["pads"]
    conv = torch.nn.Conv2d(
        weight.shape[1] * attributes["group"],
        weight.shape[0],
        weight.shape[2:],
        stride=attributes["strides"],
        padding=(top, left) if (top, left) == (bottom, right) else 0,
        groups=attributes["group"],
    )
    conv.weight.data, conv.bias.data = weight, weights[node.input[2]]
    if (top, left) == (bottom, right):
        return conv
    return torch.nn.Sequential(torch.nn.ZeroPad2d((left, right, top, bottom)), conv)


def trunk_in_form(form, batch):
    """The trunk, frozen, in one of the forms that PyTorch has for inference, and the layout of its pictures."""
    trunk = Trunk().eval().requires_grad_(False)
    if form == "eager":
        return trunk, torch.contiguous_format
    if form == "channels_last":
        return trunk.to(memory_format=torch.channels_last), torch.channels_last
    if form == "compile":
        # Freezing makes the weights constants, as the runtime on Lichen's side has them.
        torch._inductor.config.freezing = True
        return torch.compile(trunk.to(memory_format=torch.channels_last)), torch.channels_last
    traced = torch.jit.trace(trunk, torch.zeros(batch, 3, 224, 224))
    return torch.jit.optimize_for_inference(torch.jit.freeze(traced)), torch.contiguous_format


def held_out(file):
    with open(file, "rb") as picture:
        identity = hashlib.sha256(picture.read()).hexdigest()[:32]
    digest = hashlib.sha256(b"lichen held-out " + identity.encode()).digest()
    return int.from_bytes(digest[:6], "big") < HELD_OUT * 2**48


def read(file):
    picture = Image.open(file).convert("RGB").resize((224, 224), Image.BICUBIC)
    return torch.from_numpy(((np.asarray(picture, np.float32) - 127) / 128).transpose(2, 0, 1).copy())


def samples(folder, threads):
    classes = sorted(c for c in os.listdir(folder) if os.path.isdir(os.path.join(folder, c)))
    files = [(os.path.join(folder, c, f), i) for i, c in enumerate(classes) for f in sorted(os.listdir(os.path.join(folder, c)))]
    with ThreadPoolExecutor(threads) as pool:
        pictures = torch.stack(list(pool.map(read, (f for f, _ in files))))
        held = torch.tensor(list(pool.map(held_out, (f for f, _ in files))))
    return classes, pictures, torch.tensor([label for _, label in files]), held


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--latents", choices=("cached", "none"), default="cached")
    parser.add_argument("--trunk", choices=("eager", "channels_last", "jit", "compile"), default="eager")
    parser.add_argument("--trunk-batch", type=int, default=32)
    parser.add_argument("--layout", choices=torch_step.LAYOUTS, default="rows")
    parser.add_argument("--compile", action="store_true", help="compile the step")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    imported = time.perf_counter()

    classes, pictures, labels, held = samples(o.folder, o.threads)
    decoded = time.perf_counter()
    trunk, memory_format = trunk_in_form(o.trunk, o.trunk_batch)

    @torch.inference_mode()
    def latents_of(x):
        parts = [trunk(p.contiguous(memory_format=memory_format)) for p in x.split(o.trunk_batch)]
        return torch.cat([peer.in_layout(p.contiguous(), o.layout) for p in parts])

    latents = latents_of(pictures) if o.latents == "cached" else None
    crown = torch_step.Crown(o.layout, len(classes))
    targets = peer.smoothed(labels, len(classes))
    kept = time.perf_counter()

    def loss(x, y):
        return F.cross_entropy(crown(x), y)

    run = torch.compile(loss) if o.compile else loss
    optimizer = peer.adam(crown.groups())
    training = torch.nonzero(~held).flatten()
    steps = o.epochs * -(-len(training) // o.batch)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [int(0.7 * steps)], 0.1)
    for _ in range(o.epochs):
        for batch in training[torch.randperm(len(training))].split(o.batch):
            x = latents[batch] if latents is not None else latents_of(pictures[batch])
            optimizer.zero_grad(set_to_none=True)
            # What inference mode made may not be kept for gradients as it is.
            run(x.clone() if x.is_inference() else x, targets[batch]).backward()
            optimizer.step()
            schedule.step()
    trained = time.perf_counter()
    with torch.inference_mode():
        judged = latents[held] if latents is not None else latents_of(pictures[held])
        right = crown(judged).argmax(1) == labels[held]
    end = time.perf_counter()
    print(
        json.dumps(
            {
                "seconds": {
                    "import": round(imported - BEGUN, 2),
                    "decode": round(decoded - imported, 2),
                    "trunk": round(kept - decoded, 2),
                    "train": round(trained - kept, 2),
                    "judge": round(end - trained, 2),
                },
                "steps": steps,
                "stepMilliseconds": round((trained - kept) / steps * 1e3, 1),
                "pictures": len(labels),
                "trained": len(training),
                "heldOutAccuracy": round(right.float().mean().item(), 4),
                "peakRssBytes": peer.memory(),
                "versions": peer.versions(),
            }
        )
    )


if __name__ == "__main__":
    main()
