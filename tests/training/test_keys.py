"""Keys of stored networks: a change of one would make every network be trained anew."""

import pytest

from neuronbasis.training import ClassifierSpecification, Specification

DIGITS = {"dataset": "digits", "data_checksum": ""}
LARGE = {"dataset": "mnist", "data_checksum": "0", "n": 10, "m": 20, "size": "large", "seed": 3}


@pytest.mark.parametrize(
    ("spec", "key", "entry"),
    [
        (
            Specification(**DIGITS),
            "5d2fcf3dcb6d2018879960c239a41f467b54aa033556e0ddd223b8968b2dcd27",
            "small-n24-m48-5d2fcf3dcb6d2018",
        ),
        (Specification(**LARGE, centre=True), None, "large-n10-m20-949648d64a8f75d5"),
        (
            ClassifierSpecification(**DIGITS),
            "0966ba2297c076fc293a347e321a9deb675f4e17faecc6e5eecdda9b1abe7d2f",
            "convnet-w16-0966ba2297c076fc",
        ),
    ],
)
def test_the_keys_are_those_of_networks_that_are_stored(spec, key, entry):
    assert spec.entry == entry
    assert key is None or spec.key == key
