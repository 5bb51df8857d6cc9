"""The Spotlight Resonance Method."""

import numpy as np

from neuronbasis import basis, spotlight
from neuronbasis.exercises import _measured
from neuronbasis.exercises._check import Answer, NotYet, array, called, number, same


def arc(answer: Answer) -> str:
    """The two angles in degrees at which the arc of (p, q, epsilon) begins and ends, or nan."""
    rows, epsilon = _measured.activations("Fig. 2, without the mean image")[:100], 0.3
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    units = units[np.hypot(units[:, 0], units[:, 1]) > epsilon]
    for unit in units:
        p, q = unit[:2]
        light = spotlight.curve(unit[None], basis.standard(10), (0, 1), epsilon)
        steps = np.diff(np.append(light.angle, 2 * np.pi))
        width = np.degrees(steps[light.fraction.values > 0].sum())
        centre = np.degrees(np.arctan2(q, p))
        begin, end = array(called(answer, p, q, epsilon), (2,))
        turned = (end - begin) % 360  # from the beginning to the end, modulo a turn
        middle = begin + turned / 2
        said = f"For p = {p:.2f}, q = {q:.2f} and an epsilon of {epsilon}"
        if same(turned, width) and not same(_apart(middle, centre), 0):
            raise NotYet(
                f"{said}: the width is right, but the arc's centre is at {centre:.1f}°, and yours "
                f"at {_apart(middle, 0):.1f}°."
            )
        if same(360 - turned, width):
            raise NotYet(f"{said} the two ends are swapped: give the beginning of the arc first.")
        if not same(turned, width):
            raise NotYet(
                f"{said} the arc is {width:.1f}° wide, and yours {turned:.1f}°. The wave has the "
                "height r: from which angle to its centre is it as high as epsilon?"
            )
    p, q = 0.2, 0.1
    with np.errstate(invalid="ignore"):  # an arccos of more than 1 is nan, as it should be
        none = np.asarray(called(answer, p, q, epsilon))
    if none.shape != (2,) or none.dtype.kind != "f" or not np.isnan(none).all():
        raise NotYet(
            f"For p = {p}, q = {q} and an epsilon of {epsilon} there is no arc, since the wave is "
            "nowhere so high. Return nan for both ends."
        )
    return (
        f"For the {len(units)} of {len(rows)} test images that come into this plane at all, in a "
        "network of Fig. 2, your arc ends where `spotlight.curve` changes. Nothing is rotated."
    )


def inside(answer: Answer) -> str:
    """The fraction, from 0 to 1, of the activations that are inside the cone round an axis."""
    rows, epsilon = _measured.activations("Fig. 2, without the mean image"), 0.8
    vectors = _measured.basis("Fig. 2, without the mean image")
    light = spotlight.resonance(rows, vectors, epsilon, angles=1, planes=[(0, 2)])
    right, axis = float(light.fraction[0, 0]), vectors.vectors[0]
    found = number(called(answer, rows, axis, epsilon))
    wrong = {
        float(np.mean(rows @ axis >= epsilon)): "Long activations are counted from too far away: "
        "which hat is missing?",
        float(light["count"][0, 0]): "That is the number of activations; which fraction is it?",
    }
    if not same(found, right):
        hint = next((said for value, said in wrong.items() if same(found, value)), "")
        raise NotYet(
            f"In a network of Fig. 2 the fraction is {right:.4f}, and you find {found:.4g}. {hint}"
        )
    chance = spotlight.isotropic_fraction(epsilon, vectors.n)
    # The second has a cosine of just 0.5, without rounding: its length is a whole number.
    made = np.array(
        [[2, 0, 0, 0], [4, 4, 4, 4], [0, 1, 0, 0], [-3, 0, 0, 0], [-1, 1, -1, 1]], float
    )
    count = len(made) * number(called(answer, made, np.eye(4)[0], 0.5))
    hints = {1: "A cosine of just epsilon is inside.", 4: "Opposite to the axis is another cone."}
    if not same(count, 2):
        hint = next((said for value, said in hints.items() if same(count, value)), "")
        raise NotYet(
            f"Of {len(made)} points made up for this, 2 are inside, and you count {count:g}. {hint}"
        )
    return (
        f"{right:.2%} of MNIST's test images are inside the cone round the first privileged vector "
        f"of a network of Fig. 2, {right / chance:.1f} times what isotropic activations would give."
    )


def corners(answer: Answer) -> str:
    """The smallest n, a whole number, for an epsilon."""
    for epsilon in (0.9, 0.6, 0.35, 0.5):  # 0.5 is just the radius of a corner at n = 8
        n = number(called(answer, epsilon), "n")
        if n != int(n) or n < 2:
            raise NotYet(f"n counts neurons, from 2 on; for epsilon = {epsilon} you say {n:g}.")
        if _sees_a_corner(int(n), epsilon):
            edge = " A radius of just epsilon is seen." if same(2 / n, epsilon**2) else ""
            raise NotYet(
                f"For epsilon = {epsilon} you say n = {n:.0f}, where a corner has an in-plane "
                f"radius of {np.sqrt(2 / n):.2f}.{edge}"
            )
        if n > 2 and not _sees_a_corner(int(n) - 1, epsilon):
            raise NotYet(
                f"For epsilon = {epsilon} you say n = {n:.0f}, and with one neuron less the corner "
                "is already outside."
            )
    return (
        "The spotlight itself was turned past a corner at each of these widths. The radius "
        "falls as 1/√n: in a wide layer every cone of a fixed epsilon is empty."
    )


def opening(answer: Answer) -> str:
    """The epsilon at which this fraction of isotropic directions is inside, in n dimensions."""
    for fraction, n in ((1e-3, 10), (1e-3, 24), (0.01, 512)):
        epsilon = number(called(answer, fraction, n), "epsilon")
        if not 0 < epsilon < 1:
            raise NotYet(f"An epsilon is a cosine between 0 and 1, and you say {epsilon:.3g}.")
        right, gives = spotlight.epsilon_for(fraction, n), spotlight.isotropic_fraction(epsilon, n)
        if abs(epsilon - right) > 2e-3:
            raise NotYet(
                f"In {n} dimensions your epsilon of {epsilon:.3f} lets in {gives:.2g} of all "
                f"isotropic directions, and {fraction:g} are wanted. "
                f"Try a {'smaller' if gives < fraction else 'larger'} one."
            )
    lights = [spotlight.epsilon_for(1e-3, n) for n in (10, 24, 512)]
    return (
        "One isotropic direction in a thousand is inside at an epsilon of "
        f"{lights[0]:.2f}, {lights[1]:.2f} and {lights[2]:.2f} for 10, 24 and 512 neurons. A fixed "
        "epsilon asks another question at every width."
    )


def _apart(one: float, other: float) -> float:
    """From the second angle to the first in degrees, from -180 to 180."""
    return (one - other + 180) % 360 - 180


def _sees_a_corner(n: int, epsilon: float) -> bool:
    light = spotlight.curve(np.ones((1, n)), basis.standard(n), (0, 1), epsilon)
    return bool(light["count"].max() > 0)
