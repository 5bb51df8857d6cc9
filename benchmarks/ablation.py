"""Time an ablation curve against running the whole network for each of its points.

    python benchmarks/ablation.py [data folder]

SqueezeNet 1.0 on ImageNet pictures (weights and pictures from the data folder; else random ones,
which cost the same), cut at its fourth Fire module of eight, the two expanding convolutions before
their ReLU: 20 counts of neurons and of principal components, in both orders. Batch by batch the
bare network runs an eighth as often as there are points, and the curve is made, so that a busy
machine slows both alike. Then neurons are masked by a hook in the whole network, at each count
and in both orders, and the classes compared one by one; and scores with nothing ablated are
compared bit by bit.
"""

import os
import sys
from itertools import product
from time import perf_counter

import numpy as np
import torch
import torchvision

from neuronbasis import datasets, decomposition, networks, recording
from neuronbasis.completeness import ORDERS, ablation

IMAGES, BATCH, COUNTS, AT_MOST, PART = 24, 8, 20, 0.6, 8
FIRE5 = {"fire5": ["features.7.expand1x1", "features.7.expand3x3"]}


def network_and_images(folder):
    if folder is None:
        model = torchvision.models.squeezenet1_0(weights=None).eval()
        return model, torch.randn(IMAGES, 3, 224, 224), torch.arange(IMAGES)
    os.environ["NEURONBASIS_DATA"] = folder
    model = networks.pretrained("squeezenet1_0", "squeezenet1_0_imagenet.pt")
    pictures = datasets.samples("imagenet_samples")
    chosen = np.linspace(0, len(pictures.files) - 1, IMAGES).astype(int)
    images = datasets.transformed(model, [pictures.files[i] for i in chosen])
    return model, images, pictures.labels[chosen]


def activations(model, images):
    """Activations at all positions of all images, one a row."""
    halves = recording.cut(model, FIRE5, images[:2])
    joined = torch.cat(halves.before(images).outputs, dim=1)
    return joined.movedim(1, -1).flatten(0, -2).numpy()


def masked(model, images, units, mean):
    """Classes when a hook sets some units to their mean, in the whole network."""
    first, second = (model.get_submodule(name) for name in FIRE5["fire5"])

    def hook(start):
        def replace(module, given, output):
            here = units[(units >= start) & (units < start + output.shape[1])]
            output[:, here - start] = mean[here][:, None, None]

        return replace

    places = hook(0), hook(first.out_channels)
    with first.register_forward_hook(places[0]), second.register_forward_hook(places[1]):
        return model(images).argmax(1).numpy()


def same_as_masked(model, images, neurons, counts, curve):
    mean = torch.tensor(neurons.mean).to(images)
    order = torch.from_numpy(neurons.vectors.argmax(axis=1))
    same = 0
    for k, name in product(counts, ORDERS):
        units = order[:k] if name == "descending" else order[-k:]
        predicted = curve.predicted.sel(basis="neurons", order=name, count=k).values
        same += int((masked(model, images, units, mean) == predicted).sum())
    return same


def main():
    torch.manual_seed(0)
    model, images, labels = network_and_images(sys.argv[1] if len(sys.argv) > 1 else None)
    with recording.inference(model):
        rows = activations(model, images)
        bases = [decomposition.neurons(rows), decomposition.principal(rows)]
        counts = np.linspace(1, bases[0].n, COUNTS).astype(int)
        points, whole, ours, same = COUNTS * len(bases) * len(ORDERS), 0.0, 0.0, 0
        for start in range(0, IMAGES, BATCH):
            part = slice(start, start + BATCH)
            begun = perf_counter()
            for _ in range(points // PART):
                answer = model(images[part])
            ended = perf_counter()
            curve = ablation(model, FIRE5, bases, images[part], labels[part], counts, batch=BATCH)
            whole, ours = whole + (ended - begun) * PART, ours + perf_counter() - ended
            same += same_as_masked(model, images[part], bases[0], counts, curve)
            halves = recording.cut(model, FIRE5, images[:2])
            passed = halves.before(images[part])
            equal = torch.equal(halves.after(passed, passed.outputs), answer)
            print(
                f"{start + BATCH:4d} images: whole network {whole:.1f} s, curve {ours:.1f} s",
                end="",
            )
            print(f"; nothing ablated: {'bit-equal' if equal else 'NOT EQUAL'}")
    asked = IMAGES * COUNTS * len(ORDERS)
    print(f"\n{points} points, n={bases[0].n}, {IMAGES} images, {torch.get_num_threads()} threads")
    print(f"  curve / whole network for each point = {ours / whole:.3f} (at most {AT_MOST})")
    print(f"  classes as by direct masking of neurons: {same} of {asked} (all)")


if __name__ == "__main__":
    main()
