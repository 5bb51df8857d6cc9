"""What neurons and components see in photographs."""

import numpy as np
from torch import nn

from neuronbasis import basis, recording, visualisation
from neuronbasis.exercises._check import Answer, NotYet, called, expect


def field(answer: Answer) -> str:
    """The height of the patch that a stack of convolutions sees, in pixels."""
    for layers in ([(3, 1)], [(3, 2)], [(3, 2), (3, 1)], [(3, 2), (3, 1), (5, 2), (3, 1)]):
        stack = nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride) for kernel, stride in layers))
        right = recording.receptive_field(stack, str(len(layers) - 1), (1, 64, 64)).size[0]
        kernels = 1 + sum(kernel - 1 for kernel, _ in layers)
        expect(
            called(answer, layers),
            right,
            f"the patch of convolutions with (kernel, stride) = {layers}, in pixels,",
            "A kernel of a later layer steps over positions that are several pixels apart.",
            [(kernels, "The strides before a layer make its kernel wider.")],
        )
    return (
        f"The last stack sees {right} pixels. Strides multiply, so patches grow fast: a layer in "
        "the middle of a deep network sees half of a photograph."
    )


def strongest(answer: Answer) -> str:
    """Rows of the k largest numbers, at most one of each photograph, the largest first."""
    rng = np.random.default_rng(0)
    for count in (2, 3):
        numbers, photograph = rng.normal(size=60), np.repeat(range(6), 10)
        numbers[photograph == 2] += 9  # all the largest numbers are of one photograph
        right = visualisation.coherence(
            numbers[:, None], basis.standard(1), count, groups=photograph
        )["top"].values[0]
        found = np.asarray(called(answer, numbers, photograph, count))
        if found.shape != right.shape or not np.issubdtype(found.dtype, np.integer):
            raise NotYet(f"For k = {count} the answer must be {count} places, as whole numbers.")
        if found.min() < 0 or found.max() >= len(numbers):
            raise NotYet("A place is out of range; return places among the numbers.")
        if len({*photograph[found]}) < count:
            raise NotYet("Two of the places are of one photograph.")
        if not np.array_equal(found, right):
            raise NotYet(f"The {count} places are {right.tolist()}, and you find {found.tolist()}.")
    plain = np.argsort(-numbers)[:count]
    return (
        f"Without the rule all {count} would be of photograph {photograph[plain[0]]}: neighbouring "
        "patches of one photograph are alike, whatever the vector."
    )
