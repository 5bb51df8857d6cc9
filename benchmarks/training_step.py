"""Time of a training step with the generalised tanh against torch's own tanh.

The same autoencoder 784 -> 24 -> sigma -> 784 is trained with both, batch 24, one thread, float32;
the basis is overcomplete (96 vectors in R^24), so that the correction is active. The two take
turns, so that a busy machine slows both alike. Usage:

    python benchmarks/training_step.py [MNIST.npz]
"""

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import nn

from neuronbasis import basis, networks, nonlinearity

REPETITIONS, STEPS, BATCH = 60, 50, 24


def images(path: str | None) -> torch.Tensor:
    """MNIST's training rows in [-1, 1], or noise of the same shape: the cost is the same."""
    if path is None:
        generator = torch.Generator().manual_seed(0)
        return torch.rand(10_000, 784, generator=generator) * 2 - 1
    with np.load(path, allow_pickle=False) as file:
        rows = file["x_train"].reshape(-1, 784)
    return torch.from_numpy(rows.astype(np.float32) / 127.5 - 1)


def steps(sigma: nn.Module, data: torch.Tensor) -> Callable[[], float]:
    """Return a function that trains for STEPS steps and says the microseconds of one."""
    net = networks.autoencoder(784, 24, sigma, "small", seed=0)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9)
    loss = nn.MSELoss()
    generator = torch.Generator().manual_seed(1)

    def run() -> float:
        rows = torch.randint(len(data), (STEPS, BATCH), generator=generator)
        start = perf_counter()
        for chosen in rows:
            batch = data[chosen]
            optimiser.zero_grad()
            loss(net(batch), batch).backward()
            optimiser.step()
        return (perf_counter() - start) / STEPS * 1e6

    return run


def main() -> None:
    torch.set_num_threads(1)
    data = images(sys.argv[1] if len(sys.argv) > 1 else None)
    sigmas = {
        "torch tanh": nn.Tanh(),
        "generalised tanh, n=24 m=96": nonlinearity.GeneralisedTanh(basis.thompson(96, 24)),
        "generalised tanh, n=24 m=48": nonlinearity.GeneralisedTanh(basis.thompson(48, 24)),
        "isotropic tanh": nonlinearity.IsotropicTanh(),
    }
    runs = {name: steps(sigma, data) for name, sigma in sigmas.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPETITIONS):
        for name, run in runs.items():
            times[name].append(run())
    base = median(times["torch tanh"][5:])
    for name, values in times.items():
        middle = median(values[5:])  # the first ones warm up
        print(f"{name:28s} {middle:7.1f} us a step   {middle / base:5.2f} times torch's tanh")


if __name__ == "__main__":
    main()
