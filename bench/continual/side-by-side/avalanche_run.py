"""One method of Avalanche on permuted MNIST, for `lichen bench avalanche`. pip: torch avalanche-lib numpy

    avalanche_run.py METHOD MNIST_FOLDER SEED THREADS

Ten permutations of 10,000 training pictures, 2,000 test pictures each, an MLP 784-256-256-10 with one head, one pass in
batches of 32 with plain SGD. Prints one JSON line. Time and memory are of learning, without reading and testing.
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

TASKS, TRAIN, TEST = 10, 10_000, 2_000
# What the benchmark permuted-mnist-avalanche in benchmarks.ts says of the same methods.
METHODS = {
    "naive": ("Naive", 0.05, {}),
    "ewc": ("EWC", 0.05, {"ewc_lambda": 100}),
    "gem": ("GEM", 0.05, {"patterns_per_exp": 256, "memory_strength": 0.5}),
    "a-gem": ("AGEM", 0.1, {"patterns_per_exp": 256, "sample_size": 256}),
    "er": ("Replay", 0.1, {"mem_size": 5000}),
}


def read(folder, part, count, rng):
    """Some pictures of a part, normalized, [count, 784], and their labels."""
    pixels = np.fromfile(os.path.join(folder, f"{part}-images-idx3-ubyte"), np.uint8)[16:].reshape(-1, 784)
    labels = np.fromfile(os.path.join(folder, f"{part}-labels-idx1-ubyte"), np.uint8)[8:]
    chosen = rng.permutation(len(labels))[:count]
    return (pixels[chosen].astype(np.float32) / 255 - 0.1307) / 0.3081, labels[chosen].astype(np.int64)


def tasks(folder, part, count, orders, rng):
    made = []
    for order in orders:
        x, y = read(folder, part, count, rng)
        x = torch.from_numpy(np.ascontiguousarray(x[:, order]))
        made.append(_make_taskaware_tensor_classification_dataset(x, torch.from_numpy(y), task_labels=0))
    return made


def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


def main():
    method, folder, seed, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    strategy, rate, settings = METHODS[method]
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    orders = [np.arange(784)] + [rng.permutation(784) for _ in range(TASKS - 1)]
    benchmark = benchmark_from_datasets(
        train=tasks(folder, "train", TRAIN, orders, rng), test=tasks(folder, "t10k", TEST, orders, rng)
    )
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
    assert len(accuracies) == TASKS
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
