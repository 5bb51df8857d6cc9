"""Throughput of training networks as one stack, against one after another in plain eager code.

Plain: torch's own layers, loss, autograd and optimiser, one network at a time, one thread. Stack:
`training.fit` on ten networks that differ in their seeds. Both on noise of the images' shape, the
same steps, in turns, so that a busy machine slows both alike; processor time is compared. Usage:

    python benchmarks/stack.py [steps]
"""

import sys
from statistics import median
from time import process_time

import numpy as np
import torch
from torch import nn

from neuronbasis import training
from neuronbasis.networks import Autoencoder
from neuronbasis.training import Specification, fit

NETWORKS, BATCH, REPETITIONS = 10, 24, 5
CONFIGURATIONS = {
    "small MNIST, n=24, m=48": (784, {"size": "small", "n": 24, "m": 48}),
    "large MNIST, n=24, m=96": (784, {"size": "large", "n": 24, "m": 96}),
    "large CIFAR-10, n=10, m=20": (3072, {"size": "large", "n": 10, "m": 20}),
}


def plain(networks: list[Autoencoder], images: torch.Tensor, specs: list[Specification]) -> None:
    """Train one after another, as torch's tutorials do it."""
    for network, spec in zip(networks, specs, strict=True):
        optimiser = torch.optim.SGD(network.parameters(), lr=0.08, momentum=0.9)
        loss = nn.MSELoss()
        order = torch.from_numpy(np.random.default_rng(spec.seed).permutation(len(images)))
        for rows in order.split(BATCH):
            batch = images[rows]
            optimiser.zero_grad()
            loss(network(batch), batch).backward()
            optimiser.step()


def main() -> None:
    torch.set_num_threads(1)
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    for name, (pixels, settings) in CONFIGURATIONS.items():
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(steps * BATCH, pixels, generator=generator) * 2 - 1
        specs = [
            Specification(
                dataset="", data_checksum="", epochs=1, seed=seed, basis_seed=seed, **settings
            )
            for seed in range(NETWORKS)
        ]
        times: dict[str, list[float]] = {"plain": [], "stack": []}
        for _ in range(REPETITIONS):
            networks = [training.build(spec, pixels) for spec in specs]
            start = process_time()
            plain(networks[:2], images, specs[:2])  # each costs the same: two stand for all
            times["plain"].append((process_time() - start) / 2)
            start = process_time()
            fit(networks, images, specs, progress=False)
            times["stack"].append((process_time() - start) / NETWORKS)
        one, many = (median(values) / steps * 1e6 for values in times.values())
        print(
            f"{name:28s} one after another {one:6.0f} us a step, stacked {many:6.0f} us: "
            f"{one / many:.2f} times the throughput"
        )


if __name__ == "__main__":
    main()
