"""Rotations by signs and cosine transforms: the law that makes them exact, and what they read."""

import numpy as np
import pytest
import torch
from scipy.stats import binom, kstest

from neuronbasis import basis, spotlight
from neuronbasis.spotlight import _copies, _device, choose
from neuronbasis.utils import activations
from neuronbasis.utils.activations import Activations

WIDE = 40  # stands for the width from which they are used, so that tests are quick


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setattr(_copies, "WIDE", WIDE)


def structured(samples, n, seed=0):
    """Rows far from isotropic: few units active in each, of very unequal strength."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((samples, n)) * np.geomspace(1, 30, n)
    rows *= rng.random(rows.shape) < 0.2
    rows[~rows.any(axis=1), 0] = 1
    return rows


@pytest.mark.parametrize("n", [1, 2, 40, 41, 64])
def test_a_turn_is_orthogonal_and_as_likely_as_its_inverse(n):
    drawn = _copies.signs(n, seed=5)
    matrix = _copies.turned(np.eye(n), drawn)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n), atol=1e-12)
    # The same signs from last to first are as likely, and turn back.
    np.testing.assert_allclose(_copies.turned(matrix, drawn[::-1]), np.eye(n), atol=1e-12)


def test_slopes_are_those_of_evenly_rotated_copies(monkeypatch):
    b, rows = basis.standard(48), structured(300, 48)
    epsilon = spotlight.epsilon_for(0.01, 48)
    quick = spotlight.alignment(rows, b, epsilon, rotations=500, angles=60)
    monkeypatch.setattr(_copies, "WIDE", 10**9)
    even = spotlight.alignment(rows, b, epsilon, rotations=500, angles=60)
    for name in ("null_slope", "null_nearest_cosine", "null_kurtosis"):
        assert kstest(quick[name].values, even[name].values).pvalue > 1e-3, name
        assert (quick[name].values != even[name].values).any()
    for name in ("mean", "self_mean", "held", "plane_slope"):
        np.testing.assert_array_equal(quick[name], even[name])


def test_a_basis_turned_at_random_is_called_aligned_as_rarely_as_stated():
    rows, epsilon, trials = structured(60, WIDE), spotlight.epsilon_for(0.02, WIDE), 300
    planes, data = choose(np.eye(WIDE), max_planes=200), Activations(rows, WIDE)
    reference = np.cos(4 * np.arange(24) * np.pi / 12)  # any fixed one has this level
    low = half = 0
    for seed in range(trials):
        b = basis.standard(WIDE).rotated(seed)
        turns = np.random.default_rng(seed).integers(0, 2**62, 19).tolist()
        own = _copies.measure(data, b, planes, epsilon, 24).curve @ reference
        copies = _copies.of_copies(data, b, planes, epsilon, 24, turns, False)
        null = np.array([copy.curve @ reference for copy in copies])
        p_value = (1 + (np.abs(null) >= abs(own)).sum()) / 20
        low, half = low + (p_value <= 0.05), half + (p_value <= 0.5)
    assert binom.ppf(1e-3, trials, 0.05) <= low <= binom.ppf(1 - 1e-3, trials, 0.05)
    assert binom.ppf(1e-3, trials, 0.5) <= half <= binom.ppf(1 - 1e-3, trials, 0.5)


def test_planted_alignment_is_found():
    b = basis.standard(WIDE).rotated(8)
    rng = np.random.default_rng(0)
    rows = b.vectors[rng.integers(0, WIDE, 200)] + 0.1 * rng.standard_normal((200, WIDE))
    a = spotlight.alignment(rows, b, spotlight.epsilon_for(1e-3, WIDE), rotations=19)
    assert (a.attrs["verdict"], a.attrs["p_value"]) == ("aligned", 0.05)


@pytest.mark.parametrize("drawn", [None, 300])
def test_seed_decides_all_and_chunks_do_not_matter(monkeypatch, drawn):
    call = {"rotations": 19, "seed": 1, "max_planes": drawn, "angles": 90}
    rows, b = structured(200, WIDE), basis.standard(WIDE)
    whole = spotlight.alignment(rows, b, 0.5, **call)
    assert whole.identical(spotlight.alignment(rows, b, 0.5, **call))
    monkeypatch.setattr(activations, "CHUNK", 30 * WIDE)
    parts = spotlight.alignment(rows, b, 0.5, **call)
    np.testing.assert_array_equal(parts.null_slope, whole.null_slope)
    np.testing.assert_allclose(parts.null_kurtosis, whole.null_kurtosis)


def test_activations_are_read_once_for_all_copies(monkeypatch):
    class Source:
        """Stands for a data set in an open file."""

        def __init__(self, rows):
            self.rows, self.shape, self.dtype, self.read = rows, rows.shape, rows.dtype, 0

        def __getitem__(self, part):
            self.read += 1
            return self.rows[part]

    monkeypatch.setattr(activations, "CHUNK", 50 * WIDE)
    source, b = Source(structured(100, WIDE)), basis.standard(WIDE)
    data, planes = Activations(source, WIDE), choose(b.vectors)
    list(data)
    source.read = 0
    _copies.of_copies(data, b, planes, 0.5, 24, list(range(19)), False)
    assert source.read == 2


def test_a_device_reads_what_the_processor_reads(monkeypatch):
    rows, b = structured(150, WIDE), basis.standard(WIDE).rotated(1)
    expected = spotlight.alignment(rows, b, 0.5, rotations=19, angles=90)
    device = _device.found() or torch.device("cpu")
    monkeypatch.setattr(_device, "found", lambda: device)
    a = spotlight.alignment(rows, b, 0.5, rotations=19, angles=90)
    np.testing.assert_allclose(a.null_slope, expected.null_slope, atol=1e-12)
    np.testing.assert_allclose(a.null_nearest_cosine, expected.null_nearest_cosine)
    np.testing.assert_allclose(a.null_kurtosis, expected.null_kurtosis)
    assert a.attrs == pytest.approx(expected.attrs)


def test_progress_counts_the_rotated_rows(capsys):
    rows, b = structured(100, WIDE), basis.standard(WIDE)
    spotlight.alignment(rows, b, 0.5, rotations=19, progress=True)
    assert "1.90k/1.90k" in capsys.readouterr().err
    spotlight.alignment(rows, b, 0.5, rotations=19)
    assert capsys.readouterr().err == ""
