import copy
import re

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from neuronbasis import recording
from neuronbasis.errors import UserError
from neuronbasis.recording import Field


def opened(model):
    """The same wiring without what hides pixels: weights above 0, the mean for the maximum."""
    model = copy.deepcopy(model).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.abs_().add_(1e-3)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                windows = child.kernel_size, child.stride, child.padding, child.ceil_mode
                setattr(module, name, nn.AvgPool2d(*windows))
    return model


def touched(model, layer, shape, row, col):
    """Pixels that have a gradient: those the activations at that position depend on."""
    image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)).double()
    image.requires_grad_()
    ((output,),) = recording.run(model, image, [layer], lambda name, call, x: x.clone()).values()
    output[0, :, row, col].sum().backward()
    return (image.grad[0] != 0).any(0).numpy()


def check_fits(model, layer, shape, row, col):
    """Gradients lie inside the window and, where it lies inside the image, reach its edges."""
    field = recording.receptive_field(model, layer, shape)
    patch = field.patch(row, col)
    outside = np.ones(shape[1:], bool)
    outside[patch] = False
    assert not (touched(model.double().eval(), layer, shape, row, col) & outside).any()
    seen = touched(opened(model), layer, shape, row, col)
    assert not (seen & outside).any()
    inside = tuple(window.stop - window.start for window in patch) == field.size
    if inside:
        for axis, window in enumerate(patch):
            reached = np.flatnonzero(seen.any(1 - axis))
            assert (reached[0], reached[-1]) == (window.start, window.stop - 1)
    return field, inside


# --- against gradients ------------------------------------------------------------------------


class Branches(nn.Module):
    """The input and what some branches make of it, added up, or one of them beside another."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        maps = [branch(x) for branch in self.branches]
        return torch.cat([part[:, :1] for part in maps], 1) if len(maps) > 1 else x + maps[0]


def conv(k, stride=1, padding=0, dilation=1):
    return nn.Conv2d(2, 2, k, stride, padding, dilation)


STAGES = st.one_of(
    st.builds(
        conv,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.integers(1, 3),
        st.integers(0, 2),
        st.integers(1, 2),
    ),
    st.builds(nn.MaxPool2d, st.integers(2, 3), st.integers(1, 3), ceil_mode=st.booleans()),
    st.builds(nn.AvgPool2d, st.integers(1, 3), padding=st.just(0)),
    st.builds(lambda: Branches(nn.Sequential(conv(3, 1, 1), nn.ReLU()))),
    st.builds(lambda: Branches(conv(1, 2), conv((5, 3), 2, (2, 1)))),
    st.builds(lambda: nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(inplace=True))),
)


@settings(max_examples=30, deadline=None)
@given(
    stages=st.lists(STAGES, min_size=1, max_size=4),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_gradients_lie_inside_and_reach_the_edges(stages, place):
    torch.manual_seed(0)
    model, layer, shape = nn.Sequential(*stages).eval(), str(len(stages) - 1), (2, 33, 30)
    try:
        with torch.no_grad():
            sizes = model(torch.zeros(1, *shape)).shape[-2:]
    except RuntimeError:  # the map has shrunk to nothing
        return
    row, col = (round(share * (size - 1)) for share, size in zip(place, sizes, strict=True))
    field = recording.receptive_field(model, layer, shape)
    for axis, position in enumerate((row, col)):  # not a position of padding alone
        start = field.start[axis] + position * field.stride[axis]
        assume(-field.size[axis] < start < field.image[axis])
    check_fits(model, layer, shape, row, col)


@pytest.mark.parametrize(
    ("name", "layer", "size", "stride", "start"),
    [
        ("alexnet", "features.6", 99, 16, -34),
        ("squeezenet1_0", "features.4", 27, 4, -8),  # a Fire module: branches of 1x1 and 3x3
        ("squeezenet1_0", "features.7", 59, 8, -20),  # behind a pool with ceil_mode
        ("squeezenet1_0", "features.7.expand1x1", 43, 8, -12),
        ("resnet18", "layer1", 43, 4, -21),
        ("resnet18", "layer2.0", 67, 8, -33),  # a skip with a strided convolution
        ("resnet50", "layer2.0.downsample", 35, 8, -17),
    ],
)
def test_real_networks(name, layer, size, stride, start):
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None)
    image, first = (128, 120), -(start // stride)
    field, inside = check_fits(model, layer, (3, *image), first, first)
    assert inside
    assert field == Field((size, size), (stride, stride), (start, start), image)


def test_published_sizes():
    """Of Araujo, Norris and Sim (2019), Distill, for these layers."""
    alexnet = recording.receptive_fields(torchvision.models.alexnet(weights=None), (3, 224, 224))
    assert alexnet["features.12"][0].size == (195, 195)
    resnet = recording.receptive_fields(torchvision.models.resnet18(weights=None), (3, 224, 224))
    assert resnet["layer4"][0].size == (435, 435)


def test_ceil_mode_and_its_floor_differ_in_the_last_window_only():
    floor, ceil = nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, ceil_mode=True)
    model = nn.Sequential(nn.Conv2d(1, 1, 1), ceil)
    assert recording.receptive_field(model, "1", (1, 8, 8)) == recording.receptive_field(
        nn.Sequential(nn.Conv2d(1, 1, 1), floor), "1", (1, 8, 8)
    )
    assert recording.receptive_field(model, "1", (1, 8, 8)).patch(3, 3)[0] == slice(6, 8)
    for place in range(4):
        check_fits(model, "1", (1, 8, 8), place, place)


class Shuffled(nn.Module):
    """Channels split, reordered, padded, all positions kept."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding="same", dilation=2)

    def forward(self, x):
        a, b = self.conv(x).chunk(2, dim=1)
        x = torch.cat([b, a[:, :1] * 2], dim=-3)
        x = x.view(len(x), 2, 1, *x.shape[2:]).transpose(1, 2).contiguous().flatten(1, 2)
        return nn.functional.pad(x, (1, 0, 2, 0))


def test_channels_may_be_split_reordered_and_padded():
    model = nn.Sequential(Shuffled())
    field, inside = check_fits(model, "0", (2, 12, 12), 6, 6)
    assert inside
    assert field == Field((5, 5), (1, 1), (-4, -3), (12, 12))


# --- what is stated as the whole image --------------------------------------------------------


class Written(nn.Module):
    """Results put into a buffer part by part, of which the parts shift the map."""

    def forward(self, x):
        buffer = torch.zeros(x.shape)
        buffer[:, :, 1:] = x[:, :, :-1]
        return buffer + x


class Transposed(nn.Module):
    def forward(self, x):
        return x.transpose(2, 3)


@pytest.mark.parametrize(
    "module",
    [
        nn.Flatten(),
        nn.Linear(8, 8),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d(3),
        nn.AdaptiveMaxPool2d(5),
        nn.InstanceNorm2d(3, affine=True),
        nn.LayerNorm((8, 8)),
        nn.GroupNorm(3, 3),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(3, 3, 2, 2),
        nn.ReflectionPad2d(2),
        nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"),
        nn.Softmax(dim=-1),
        Written(),
        Transposed(),
        torchvision.ops.SqueezeExcitation(3, 1),
    ],
    ids=lambda module: type(module).__name__,
)
def test_all_else_is_the_whole_image(module):
    model = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), module, nn.Identity())
    fields = recording.receptive_fields(model, (3, 8, 8))
    assert not fields["0"][0].whole
    assert fields["1"][0].whole
    assert fields["1"][0].patch(5, 2) == (slice(0, 8), slice(0, 8))


def test_adaptive_pooling_that_divides_is_ordinary_pooling():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.AdaptiveAvgPool2d(4))
    field, inside = check_fits(model, "1", (1, 8, 8), 2, 1)
    assert inside
    assert field == Field((4, 4), (2, 2), (-1, -1), (8, 8))


def test_the_map_behind_the_whole_image_is_whole():
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(8), nn.Conv2d(1, 1, 3, 2, 1))
    assert recording.receptive_field(model, "2", (1, 8, 8)).whole


def test_a_transformer_sees_the_whole_image_behind_its_patches():
    model = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 16)
    assert recording.receptive_field(model, "conv_proj", (3, 32, 32)) == Field(
        (8, 8), (8, 8), (0, 0), (32, 32)
    )
    assert recording.receptive_field(model, "encoder.layers.encoder_layer_0.mlp", (3, 32, 32)).whole


# --- names, calls, joined layers --------------------------------------------------------------


def test_calls_inputs_and_joined_layers():
    resnet = torchvision.models.resnet18(weights=None)
    shape = (3, 64, 64)
    first, second = recording.receptive_fields(resnet, shape)["layer1.0.relu"]
    assert recording.receptive_field(resnet, "layer1.0.relu#2", shape) == second != first
    assert recording.receptive_field(resnet, "layer1.0.conv2", shape, "input") == first
    fire = torchvision.models.squeezenet1_0(weights=None)
    joined = recording.receptive_field(
        fire, ["features.3.expand1x1", "features.3.expand3x3"], shape
    )
    assert joined == recording.receptive_field(fire, "features.3", shape)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.Dropout(), nn.BatchNorm2d(2).eval(), nn.Linear(9, 2)
    )
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError):
        recording.receptive_fields(model, (1, 8, 8))
    model[3] = nn.Identity()
    with torch.inference_mode():
        assert recording.receptive_field(model, "2", (1, 8, 8)).size == (3, 3)
    assert [module.training for module in model] == [True, True, False, True]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, state.get(name, value), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        ("cnv", (1, 8, 8), "no layer 'cnv' in Twice: did you mean conv?"),
        ("relu", (1, 8, 8), "layer 'relu' is called 2 times a forward pass: name 'relu#1' or"),
        ("relu#3", (1, 8, 8), "layer 'relu#3' is called 2 times a forward pass: name 'relu#1' or"),
        ("spare", (1, 8, 8), "layer 'spare' is never called in a forward pass"),
        ("conv", (8, 8), "image_shape is (8, 8); it must be (C, H, W)"),
        ("conv", (1, 0, 8), "image_shape is 0; it must be an integer >= 1"),
        ("conv", (3, 8, 8), "the model refuses an image of shape (3, 8, 8)"),
    ],
)
def test_mistakes_are_told_in_a_line(layer, shape, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        recording.receptive_field(Twice(), layer, shape)
    assert "\n" not in str(caught.value)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.spare = nn.Conv2d(1, 1, 3), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(self.relu(x)))


def test_only_outputs_and_inputs_are_known():
    with pytest.raises(UserError, match="what is 'weights'; it must be 'output' or 'input'"):
        recording.receptive_field(Twice(), "conv", (1, 8, 8), "weights")


# --- patches ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    stride=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    start=st.tuples(st.integers(-4, 0), st.integers(-4, 0)),
    place=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    channels=st.sampled_from([(), (3,)]),
)
def test_pictures_are_those_of_an_image_with_a_wide_rim(size, stride, start, place, channels):
    start = tuple(max(start[axis], 1 - size[axis]) for axis in (0, 1))
    field = Field(size, stride, start, image=(7, 8))
    image = np.arange(7 * 8 * 3).reshape(7, 8, 3)[..., : 3 if channels else 1]
    image = image if channels else image[..., 0]
    rim = 20
    wide = np.full((7 + 2 * rim, 8 + 2 * rim, *channels), -1)
    wide[rim:-rim, rim:-rim] = image
    top, left = (start[axis] + place[axis] * stride[axis] for axis in (0, 1))
    whole = wide[top + rim : top + rim + size[0], left + rim : left + rim + size[1]]
    picture = field.cut(image, *place, fill=-1)
    assert picture.shape[:2] == (min(size[0], 7), min(size[1], 8))
    np.testing.assert_array_equal(picture[picture >= 0], whole[whole >= 0])
    np.testing.assert_array_equal(image[field.patch(*place)].ravel(), whole[whole >= 0])
    if size[0] <= 7 and size[1] <= 8:
        np.testing.assert_array_equal(picture, whole)


def test_a_window_larger_than_the_image_leaves_pixels_where_they_are():
    field = Field((6, 6), (2, 2), (-4, -4), image=(4, 4))
    image = np.arange(1, 17).reshape(4, 4)
    assert field.cut(image, 0, 1).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [0] * 4, [0] * 4]


def test_patches_refuse_other_images_and_positions():
    field = Field((3, 3), (2, 2), (0, 0), image=(8, 8))
    with pytest.raises(UserError, match="row is 4, whose window begins at pixel 8 of 8"):
        field.patch(4, 0)
    with pytest.raises(UserError, match="col is -1; it must be an integer >= 0"):
        field.patch(0, -1)
    with pytest.raises(UserError, match=re.escape("image has shape (9, 8); the field is that of")):
        field.cut(np.zeros((9, 8)), 0, 0)
    with pytest.raises(UserError, match="pass the same image"):
        field.union(Field((3, 3), (2, 2), (0, 0), image=(9, 8)))
