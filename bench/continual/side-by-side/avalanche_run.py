"""One method of Avalanche on a sequence of MNIST, for `lichen bench avalanche`. pip: torch avalanche-lib quadprog numpy

    avalanche_run.py BENCHMARK METHOD MNIST_FOLDER SEED THREADS

permuted-mnist-avalanche: ten permutations of 10,000 training pictures, 2,000 test pictures each.
split-mnist-avalanche: two digits a task, 2,000 training pictures each, all test pictures, class-incremental.
An MLP 784-256-256-10 with one head, one pass in batches of 32 with plain SGD. Prints one JSON line. Time and memory are
of learning, without reading and testing.
"""

import json
import os
import random
import sys
import time

import numpy as np
import torch
from avalanche.benchmarks import benchmark_from_datasets
from avalanche.benchmarks.utils.classification_dataset import _make_taskaware_tensor_classification_dataset
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.training import supervised
from avalanche.training.plugins import EvaluationPlugin

PERMUTATIONS, DIGITS = 10, 5
GEM = {"patterns_per_exp": 256, "memory_strength": 0.5}
A_GEM = {"patterns_per_exp": 256, "sample_size": 256}
# What protocols/avalanche.ts says of the same methods.
METHODS = {
    "permuted-mnist-avalanche": {
        "naive": ("Naive", 0.05, {}),
        "ewc": ("EWC", 0.05, {"ewc_lambda": 100}),
        "gem": ("GEM", 0.05, GEM),
        "a-gem": ("AGEM", 0.1, A_GEM),
        "er": ("Replay", 0.1, {"mem_size": 5000}),
    },
    "split-mnist-avalanche": {
        "naive": ("Naive", 0.1, {}),
        "ewc": ("EWC", 0.1, {"ewc_lambda": 100}),
        "gem": ("GEM", 0.1, GEM),
        "a-gem": ("AGEM", 0.01, A_GEM),
        "er": ("Replay", 0.1, {"mem_size": 500}),
    },
}


def read(folder, part):
    """The pictures of a part, [count, 784], and their labels."""
    pixels = np.fromfile(os.path.join(folder, f"{part}-images-idx3-ubyte"), np.uint8)[16:].reshape(-1, 784)
    return pixels, np.fromfile(os.path.join(folder, f"{part}-labels-idx1-ubyte"), np.uint8)[8:]


def dataset(pixels, labels, chosen, order):
    """The chosen pictures, normalized, their pixels in another order."""
    x = (pixels[chosen][:, order].astype(np.float32) / 255 - 0.1307) / 0.3081
    x, y = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(labels[chosen].astype(np.int64))
    return _make_taskaware_tensor_classification_dataset(x, y, task_labels=0)


def permuted(pixels, labels, count, orders, rng):
    return [dataset(pixels, labels, rng.permutation(len(labels))[:count], order) for order in orders]


def split(pixels, labels, count, rng):
    order = np.arange(784)
    digits = [rng.permutation(np.flatnonzero(labels // 2 == task))[:count] for task in range(DIGITS)]
    return [dataset(pixels, labels, chosen, order) for chosen in digits]


def sequence(benchmark, folder, rng):
    train, test = read(folder, "train"), read(folder, "t10k")
    if benchmark == "split-mnist-avalanche":
        return split(*train, 2_000, rng), split(*test, len(test[1]), rng)
    orders = [np.arange(784)] + [rng.permutation(784) for _ in range(PERMUTATIONS - 1)]
    return permuted(*train, 10_000, orders, rng), permuted(*test, 2_000, orders, rng)


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def main():
    name, method, folder, seed, threads = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    strategy, rate, settings = METHODS[name][method]
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    train, test = sequence(name, folder, rng)
    benchmark = benchmark_from_datasets(train=train, test=test)
    network = torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )
    learner = getattr(supervised, strategy)(
        model=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=rate),
        criterion=torch.nn.CrossEntropyLoss(),
        train_mb_size=32,
        train_epochs=1,
        eval_mb_size=500,
        device="cpu",
        evaluator=EvaluationPlugin(accuracy_metrics(experience=True), loggers=[]),
        **settings,
    )
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    seconds = cpu_seconds = 0.0
    for experience in benchmark.train_stream:
        clock, cpu = time.perf_counter(), time.process_time()
        learner.train(experience)
        seconds += time.perf_counter() - clock
        cpu_seconds += time.process_time() - cpu
    peak = resident("VmHWM")
    tested = learner.eval(benchmark.test_stream)
    accuracies = [v for k, v in tested.items() if k.startswith("Top1_Acc_Exp/")]
    assert len(accuracies) == len(test)
    import avalanche

    print(
        json.dumps(
            {
                "acc": float(np.mean(accuracies)),
                "seconds": seconds,
                "cpuSeconds": cpu_seconds,
                "peakRssBytes": peak,
                "versions": {"avalanche": avalanche.__version__, "torch": torch.__version__},
            }
        )
    )


main()
