"""Which images excite a vector most and least, and their pictures."""

import numpy as np
import pytest

from neuronbasis import basis, datasets, records
from neuronbasis.errors import UserError
from neuronbasis.experiments import excited
from neuronbasis.records import Record


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


@pytest.fixture(scope="module")
def cloud(digits):
    return np.random.default_rng(0).normal(size=(len(digits.x_test), 3))


def test_they_are_those_with_the_extreme_coordinates(digits, cloud):
    b = basis.thompson(6, 3, seed=1)
    found = excited.excited(cloud, b, [4, 1], digits, images=5)
    for k in (4, 1):
        falling = np.argsort(-(cloud @ b.vectors[k]))
        for end, places in {"most": falling[:5], "least": falling[::-1][:5]}.items():
            some = found.sel(vector=k, end=end)
            np.testing.assert_array_equal(some.image, digits.x_test[places])
            np.testing.assert_array_equal(some.label, digits.y_test[places])


def test_rows_are_the_scaled_images(digits, cloud):
    found = excited.excited(cloud, basis.standard(3), [2], digits, images=4)
    drawn = excited.rows(found)
    assert list(drawn) == ["b2: most", "b2: least"]
    best = np.argsort(-cloud[:, 2])[:4]
    np.testing.assert_allclose(drawn["b2: most"], digits.scaled("test")[best], atol=1e-6)


def test_a_record_gives_the_same_pictures(digits, cloud, tmp_path):
    bright = 255 * (digits.x_test > 8).astype(np.uint8)  # beyond what a signed byte holds
    data = datasets.Dataset("bright", bright, digits.y_test, bright, digits.y_test, digits.classes)
    found = excited.excited(cloud, basis.standard(3), [0, 1], data)
    made = Record("example", {})
    made.curves("excited", found, compressed=True)
    again = records.read_curves(made.write(tmp_path / "run"), "excited")
    assert again.image.dtype == np.uint8
    for title, images in excited.rows(found).items():
        np.testing.assert_array_equal(excited.rows(again)[title], images)
    np.testing.assert_array_equal(again.label, found.label)


def test_one_activation_an_image(digits, cloud):
    with pytest.raises(UserError, match=r"^359 activations of 360 test images: pass one an image$"):
        excited.excited(cloud[1:], basis.standard(3), [0], digits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vectors": [3]}, "vectors holds 3; there are 0 to 2: pass such"),
        ({"vectors": [-1]}, "vectors holds -1; there are 0 to 2: pass such"),
        ({"images": 361}, "images is 361; there are 360: pass at most as many"),
        ({"images": 0}, "images is 0; it must be an integer >= 1"),
    ],
)
def test_what_is_not_there_is_refused(digits, cloud, changes, message):
    asked = {"vectors": [0], "images": 3} | changes
    with pytest.raises(UserError, match=message):
        excited.excited(cloud, basis.standard(3), asked["vectors"], digits, asked["images"])


def test_activations_are_finite(digits, cloud):
    broken = cloud.copy()
    broken[3, 1] = np.nan
    with pytest.raises(UserError, match="activations hold NaN or inf; all must be finite"):
        excited.excited(broken, basis.standard(3), [0], digits)
