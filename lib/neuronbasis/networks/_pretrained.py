"""Networks trained by others, by the names that their libraries give them, and untrained ones."""

import difflib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from neuronbasis.errors import UserError
from neuronbasis.networks import _own, _timm, _torchvision, _transformers
from neuronbasis.networks._own import ResNet
from neuronbasis.networks._weights import PACKAGES, Origin, Weights, attach, located

_LIBRARIES: dict[str, ModuleType] = {
    "neuronbasis": _own,
    "torchvision": _torchvision,
    "timm": _timm,
    "transformers": _transformers,
}


def pretrained(name: str, weights: str | Path | None = None) -> nn.Module:
    """Load a trained network by its name in torchvision, timm or transformers.

    Parameters
    ----------
    name : str
        As its library calls it: "squeezenet1_0", "tf_efficientnet_lite0", "LlamaForCausalLM". Where
        several libraries have a network of that name, the library goes before it:
        "torchvision:resnet18", "timm:resnet18", "transformers:gpt2" (a class of transformers, or a
        name on its hub). Of the project's own: "stories260k", a small language model that it
        carries, and He et al.'s "resnet20_cifar10" and "resnet56_cifar10".
    weights : str or Path, optional
        A file of the network's state dict: ``.safetensors``, else what ``torch.save`` writes; for
        transformers the folder of a model. Either may lie in the data folder that the environment
        variable NEURONBASIS_DATA names. Or "package:NAME", an installed package that holds one.
        Default: what the library has in its cache, else downloads: torchvision's first weights
        (IMAGENET1K_V1), timm's default ones.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode. A network of pictures has ``model.transforms``, which
        turns a PIL image into its input (C, H, W), as the published weights want it; one of texts
        has ``model.tokenizer``, which turns a list of texts into its inputs, or None. Where it
        comes from is in ``model.origin``, see `Origin`.

    Raises
    ------
    UserError
        If no library or several have such a network, the library is not installed, there is no
        such file or package; the file is damaged, holds anything but tensors, or is of another
        network; or the download fails.

    Examples
    --------
    >>> import tempfile, torchvision
    >>> file = Path(tempfile.mkdtemp()) / "mine.pt"
    >>> torch.save(torchvision.models.squeezenet1_0(weights=None).state_dict(), file)
    >>> model = pretrained("squeezenet1_0", weights=file)
    >>> from PIL import Image
    >>> from neuronbasis.datasets import transformed
    >>> transformed(model, [Image.new("RGB", (300, 256))]).shape
    torch.Size([1, 3, 224, 224])
    >>> model.origin.name, model.origin.weights
    ('torchvision:squeezenet1_0', 'mine.pt')
    """
    library, own = _resolved(name)
    place = None if weights is None else located(weights)
    # First weights are drawn even where others follow.
    with torch.random.fork_rng(devices=[]):
        model: nn.Module = _LIBRARIES[library].load(own, place)
    attach(model, origin=_origin(f"{library}:{own}", library, model, place))
    return model.eval()


def _resolved(name: str) -> tuple[str, str]:
    """The library that is meant, and the network's name in it."""
    prefix, colon, own = str(name).partition(":")
    if not colon:
        return _the_only(str(name)), str(name)
    if prefix not in _LIBRARIES:
        raise UserError(
            f"no library {prefix!r}, in {name!r}; legal are {', '.join(_LIBRARIES)}: pass one of "
            "them before the colon"
        )
    if not _installed(prefix):
        raise UserError(
            f"{name}: {prefix} is not installed: pip install {prefix}, or neuronbasis[models]"
        )
    if not (_LIBRARIES[prefix].knows(own) or (prefix == "transformers" and own)):
        raise _unknown(name, own, [prefix])
    return prefix, own


def _the_only(name: str) -> str:
    """The one library that has a network of that name."""
    if _own.knows(name):  # no name of the libraries, whose import takes seconds
        return "neuronbasis"
    there = [library for library in _LIBRARIES if _installed(library)]
    found = [library for library in there if _LIBRARIES[library].knows(name)]
    if not found:
        raise _unknown(name, name, there)
    if len(found) > 1:
        choice = " or ".join(f"{library}:{name}" for library in found)
        raise UserError(f"{name!r} is a network of {' and of '.join(found)}; pass {choice}")
    return found[0]


def _unknown(given: str, name: str, libraries: list[str]) -> UserError:
    known = {each for library in libraries for each in _LIBRARIES[library].names()}
    close = difflib.get_close_matches(name, sorted(known), n=3)
    remedy = f"did you mean {', '.join(close)}?" if close else "pass one such as squeezenet1_0"
    missing = [library for library in _LIBRARIES if not _installed(library)]
    absent = f" ({' and '.join(missing)} not installed)" if missing else ""
    hub = "; what is on the hub of transformers is transformers:NAME" * (len(libraries) > 1)
    return UserError(f"no network {given!r} in {', '.join(libraries)}{absent}: {remedy}{hub}")


def _installed(library: str) -> bool:
    return find_spec(library) is not None


def _origin(name: str, library: str, model: nn.Module, place: Weights | None) -> Origin:
    if place is None:
        module = _LIBRARIES[library]
        return Origin(name, module.published(name.partition(":")[2]), module.licence(model))
    if not place.package:
        return Origin(name, place.path.name)
    package = PACKAGES.get(place.package)
    weights = f"package:{place.package} {version(place.package)}"
    return Origin(name, weights, package.licence if package else "")


def untrained(model: nn.Module, seed: int) -> nn.Module:
    """Make a network of the same form before any training, as its library initialises it.

    Parameters
    ----------
    model : nn.Module
        Of `pretrained`.
    seed : int
        Decides the initial weights.

    Returns
    -------
    nn.Module
        float32, on the CPU, in eval mode. Batch normalisation has no statistics yet, so it
        leaves its input as it is.

    Raises
    ------
    UserError
        If the model is not of `pretrained`.

    Examples
    --------
    >>> from neuronbasis import networks
    >>> trained = networks.pretrained("stories260k")
    >>> fresh, again = untrained(trained, seed=0), untrained(trained, seed=0)
    >>> networks.checksum(fresh) == networks.checksum(again) != networks.checksum(trained)
    True
    """
    name = getattr(getattr(model, "origin", None), "name", "")
    library, _, own = name.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if hasattr(model, "config"):  # of transformers
            made: nn.Module = type(model)(model.config)
        elif isinstance(model, ResNet):
            made = ResNet(len(model.layer1))
        elif library == "timm":
            import timm

            made = timm.create_model(own)
        elif library == "torchvision":
            from torchvision import models

            made = models.get_model(own, weights=None)
        else:
            raise UserError(
                f"the model is a {type(model).__name__} of no known origin; pass one of "
                "networks.pretrained"
            )
    return made.eval()
