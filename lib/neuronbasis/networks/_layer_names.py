"""Which modules the layers of well-known networks are."""

from neuronbasis.errors import UserError
from neuronbasis.networks._convnet import ConvNet

_FIRES = {
    f"fire{number}": [f"features.{place}.{expand}" for expand in ("expand1x1", "expand3x3")]
    for number, place in zip(range(2, 10), (3, 4, 5, 7, 8, 9, 10, 12), strict=True)
}


_ALEXNET = {
    **{f"conv{k}": f"features.{place}" for k, place in enumerate((0, 3, 6, 8, 10), 1)},
    **{f"fc{k}": f"classifier.{place}" for k, place in enumerate((1, 4, 6), 1)},
}


# Of timm's, by stage and block. A norm of timm's holds its activation function, and "drop", which
# does nothing, is called just before that. The first block has no expansion.
_BLOCKS = [f"blocks.{s}.{b}" for s, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for b in range(count)]
_EFFICIENTNET = {
    "stem": ["bn1.drop"],
    **{f"expand{k}": [f"{block}.bn1.drop"] for k, block in enumerate(_BLOCKS, 1) if k > 1},
    **{f"bottleneck{k}": [f"{block}.bn{2 if k == 1 else 3}"] for k, block in enumerate(_BLOCKS, 1)},
    "head": ["bn2.drop"],
}


_STORIES = {
    f"{part}{k + 1}": [f"model.layers.{k}{module}"]
    for part, module in (("mlp", ".mlp.gate_proj"), ("attention", ".self_attn"), ("residual", ""))
    for k in range(5)
}


#: What a layer's name stands for: modules whose outputs are activations before the nonlinearity,
#: those of a Fire module joined. Of a residual network the last block of each stage, before a ReLU
#: within it; of a transformer the hidden layer of each block. Of EfficientNet the expansion of each
#: block, and its bottleneck, which no nonlinearity follows; none follows attention and residual
#: streams either.
LAYERS: dict[str, dict[str, list[str]]] = {
    "squeezenet1_0": {"conv1": ["features.0"], **_FIRES, "conv10": ["classifier.1"]},
    "alexnet": {name: [module] for name, module in _ALEXNET.items()},
    "resnet18": {f"layer{k}": [f"layer{k}.1.bn1"] for k in range(1, 5)},
    "resnet50": {f"layer{k}": [f"layer{k}.{last}.bn2"] for k, last in enumerate((2, 3, 5, 2), 1)},
    "resnet20_cifar10": {f"layer{k}": [f"layer{k}.2.bn1"] for k in range(1, 4)},
    "resnet56_cifar10": {"conv1": ["bn1"], **{f"layer{k}": [f"layer{k}.8.bn1"] for k in (1, 2, 3)}},
    "tf_efficientnet_lite0": _EFFICIENTNET,
    "stories260k": _STORIES,
    "vit_b_16": {f"mlp{k + 1}": [f"encoder.layers.encoder_layer_{k}.mlp.0"] for k in range(12)},
}


_ALL = {model: tuple(names) for model, names in LAYERS.items()} | {
    "convnet": ConvNet.layers,
    "squeezenet1_0": tuple(_FIRES),
    "tf_efficientnet_lite0": (
        "stem", "expand3", "bottleneck3", "expand5", "bottleneck5", "expand9", "bottleneck9",
        "expand16", "bottleneck16", "head",
    ),
    "stories260k": tuple(name for name in _STORIES if name.startswith("mlp")),
}  # fmt: skip


def layer_names(text: str, model: str) -> dict[str, list[str]]:
    """Layers as a parameter names them, and the modules that each consists of.

    Parameters
    ----------
    text : str
        Names with commas between them: those in `LAYERS`, or a module's own name, which any
        network takes. "all": every one in `LAYERS`, of "squeezenet1_0" the Fire modules, of
        "tf_efficientnet_lite0" ten of them, of "stories260k" those before a nonlinearity, of
        "convnet" `ConvNet.layers`.
    model : str
        Name of the model, as `pretrained` takes it, or "convnet".

    Returns
    -------
    dict of str to list of str
        As `recording.record` takes it, in the order of the text.

    Raises
    ------
    UserError
        If there is no name, one is there twice or unknown, or "all" is asked of another model.
        Whether the model has a module of that name shows when it is recorded.

    Examples
    --------
    >>> layer_names("conv2, fc1", "convnet")
    {'conv2': ['conv2'], 'fc1': ['fc1']}
    >>> layer_names("all", "resnet18")["layer4"]
    ['layer4.1.bn1']
    >>> layer_names("fire2", "squeezenet1_0")
    {'fire2': ['features.3.expand1x1', 'features.3.expand3x3']}
    """
    model = model.rpartition(":")[2]
    if text.strip() == "all":
        if model not in _ALL:
            raise UserError(f"layers are 'all', not known of {model}: pass names of its modules")
        text = ", ".join(_ALL[model])
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len({*names}) < len(names):
        raise UserError(f"layers are {text!r}; pass different names with commas between them")
    known = LAYERS.get(model, {})
    for name in names:
        if known and name not in known and "." not in name:
            raise UserError(
                f"no layer {name!r} in {model}; there are {', '.join(known)}, and its modules by "
                "names with a dot"
            )
    return {name: known.get(name, [name]) for name in names}
