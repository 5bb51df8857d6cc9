"""Autoencoders: layers as written, seeds that decide, mistakes told."""

import numpy as np
import pytest
import torch
from torch import nn

from neuronbasis import basis
from neuronbasis.errors import UserError
from neuronbasis.networks import autoencoder, checksum
from neuronbasis.nonlinearity import GeneralisedTanh, IsotropicTanh

SIGMA = GeneralisedTanh(basis.thompson(13, 5))


def rows(count: int = 7, width: int = 20) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(5))


def test_small_is_written_out():
    net = autoencoder(20, 5, SIGMA, "small", seed=2)
    x = rows()
    (into,), (out,) = net.encoder, net.decoder
    z = x @ into.weight.T + into.bias
    assert torch.allclose(net.encode(x), z, atol=1e-6)
    assert torch.allclose(net(x), SIGMA(z) @ out.weight.T + out.bias, atol=1e-6)
    assert net.layout == ("20", "5 (latent)", "sigma", "20")


def test_large_is_written_out():
    net = autoencoder(20, 5, SIGMA, "large", seed=2)
    x = rows()
    (a, b), (c, d) = net.encoder, net.decoder
    z = b(SIGMA(a(x)))
    assert torch.equal(net.encode(x), z)
    assert torch.equal(net(x), d(SIGMA(c(SIGMA(z)))))
    assert torch.equal(net.decode(z), net(x))
    assert net.layout == ("20", "5", "sigma", "5 (latent)", "sigma", "5", "sigma", "20")


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_latent_module_gives_the_latent_activations(size):
    net = autoencoder(20, 5, nn.Tanh(), size)
    seen = []
    hook = net.get_submodule(net.latent).register_forward_hook(lambda *call: seen.append(call[2]))
    net(rows())
    hook.remove()
    (latent,) = seen
    assert torch.equal(latent, net.encode(rows()))


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_seed_decides_every_byte_whatever_was_drawn_before(size):
    def state(seed):
        net = autoencoder(20, 5, SIGMA, size, seed=seed)
        return b"".join(tensor.numpy().tobytes() for tensor in net.state_dict().values())

    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = state(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(100)
    assert state(3) == first
    assert state(4) != first


def test_weights_are_xavier_normal_and_biases_zero():
    net = autoencoder(700, 300, nn.Tanh(), "large", seed=1)
    for linear in (*net.encoder, *net.decoder):
        expected = np.sqrt(2 / (linear.in_features + linear.out_features))
        # 2 %: 90,000 numbers or more give their standard deviation to 0.25 %.
        assert float(linear.weight.detach().std()) == pytest.approx(expected, rel=0.02)
        assert abs(float(linear.weight.detach().mean())) < 0.02 * expected
        share = (linear.weight.detach().abs() < expected).double().mean()
        assert float(share) == pytest.approx(0.6827, abs=0.01)  # normal, not uniform
        assert (linear.bias == 0).all()
    assert all(p.dtype == torch.float32 for p in net.parameters())


def test_no_biases_if_so_asked():
    names = dict(autoencoder(20, 5, SIGMA, "large", bias=False).named_parameters())
    assert sorted(names) == [
        "decoder.0.weight",
        "decoder.1.weight",
        "encoder.0.weight",
        "encoder.1.weight",
    ]


@pytest.mark.parametrize("sigma", [SIGMA, IsotropicTanh(), nn.Tanh()])
@pytest.mark.parametrize("size", ["small", "large"])
def test_it_learns(sigma, size):
    net = autoencoder(20, 5, sigma, size, seed=0)
    x = rows(64)[:, :5] @ rows(5)  # five-dimensional data, so five latents are enough
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(net(x), x)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_the_whole_state_goes_there_and_back():
    net = autoencoder(20, 5, SIGMA, "large", seed=1)
    state = net.state_dict()
    vectors = state["between.1.sigma.vectors"]
    other = autoencoder(20, 5, GeneralisedTanh(basis.Basis(vectors)), "large", seed=9)
    other.load_state_dict(state)
    assert torch.equal(other(rows()), net(rows()))


def test_float64_networks_keep_the_precision_of_sigma():
    net = autoencoder(20, 5, GeneralisedTanh(SIGMA.basis), seed=1).double()
    z = net.encode(rows().double())
    out = net.decoder[0]
    assert torch.equal(net.decode(z), out(SIGMA(z)))
    assert net.decode(z).dtype == torch.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": "medium"}, "size is 'medium'; legal are small, large: pass one of them"),
        ({"n": 6}, "n is 6; sigma acts in R^5: pass n=5 or another basis"),
        ({"n": 0}, "n is 0; it must be an integer >= 1: pass such a one"),
        ({"inputs": 2.5}, "inputs is 2.5; it must be an integer >= 1: pass such a one"),
        ({"seed": -1}, "seed is -1; it must be an integer >= 0: pass such a one"),
        ({"seed": True}, "seed is True; it must be an integer >= 0: pass such a one"),
        ({"sigma": torch.tanh}, "sigma is a builtin_function_or_method; it must be a module: pass"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(UserError) as caught:
        autoencoder(**{"inputs": 20, "n": 5, "sigma": SIGMA, **change})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "x", "message"),
    [
        ("forward", torch.ones(3, 19), "input has shape (3, 19); it must be (N, 20): pass one row"),
        ("encode", torch.ones(20), "input has shape (20,); it must be (N, 20): pass one row a"),
        ("decode", torch.ones(3, 20), "input has shape (3, 20); it must be (N, 5): pass one row a"),
        ("encode", torch.ones(3, 20).double(), "input is torch.float64; this network takes torch."),
        ("encode", np.ones((3, 20)), "input is ndarray; this network takes torch.float32: pass"),
    ],
)
def test_bad_input_is_refused(call, x, message):
    with pytest.raises(UserError) as caught:
        getattr(autoencoder(20, 5, SIGMA), call)(x)
    assert str(caught.value).startswith(message)


def test_a_checksum_is_of_names_values_shapes_and_buffers():
    def summed(**changes):
        network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        with torch.no_grad():
            network[0].weight.copy_(torch.arange(6.0).reshape(2, 3))
            network[0].bias.zero_()
        for name, value in changes.items():
            network[1].get_buffer(name).fill_(value)
        return network

    first = checksum(summed())
    assert checksum(summed()) == first
    assert checksum(summed(running_mean=1e-7)) != first
    assert checksum(summed().double()) != first
    assert checksum(nn.Sequential(*summed()[:1])) != first
    moved = summed()
    moved.load_state_dict(
        {
            k: v.clone().t().contiguous().t() if v.ndim == 2 else v
            for k, v in moved.state_dict().items()
        }
    )
    assert checksum(moved) == first


@pytest.mark.parametrize("model", [nn.ReLU(), "alexnet"])
def test_a_checksum_refuses_what_has_no_weights(model):
    with pytest.raises(UserError, match="pass"):
        checksum(model)


def test_a_checksum_is_of_the_numbers_however_they_are_held():
    dense, sparse = torch.nn.Module(), torch.nn.Module()
    values = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    dense.register_buffer("x", values)
    sparse.register_buffer("x", values.to_sparse())
    assert checksum(sparse) == checksum(dense)
