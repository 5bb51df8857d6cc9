"""Networks of the library transformers by the name of a class, or of weights on its hub."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from neuronbasis.errors import UserError
from neuronbasis.networks import _weights
from neuronbasis.networks._origin import attach
from neuronbasis.networks._vocabulary import Vocabulary
from neuronbasis.networks._weights import Weights
from neuronbasis.utils.downloads import patient_and_quiet
from neuronbasis.utils.files import brief


def names() -> Sequence[str]:
    """All names of its classes of networks."""
    # By their names alone: each class that is looked at imports its module.
    return [name for name in dir(_transformers()) if re.search(r"^[A-Z].*(Model|For[A-Z])", name)]


def knows(name: str) -> bool:
    """Whether it has a class of that name; or a name that only its hub can have, with a slash."""
    return "/" in name or _is_network(name)


def load(name: str, weights: Weights | None) -> nn.Module:
    """A network in the form of transformers: a folder with its configuration and weights."""
    source = name if weights is None else str(weights.path)
    if weights and not weights.path.is_dir():
        raise UserError(
            f"{weights.path}: transformers wants a folder with config.json and the weights; pass "
            "the folder"
        )
    library = _transformers()
    try:
        with patient_and_quiet():
            config = library.AutoConfig.from_pretrained(source)
            kind = _kind(name, config)
            model, found = kind.from_pretrained(
                source, config=config, output_loading_info=True, dtype="float32", weights_only=True
            )
    except UserError:
        raise
    except Exception as error:  # whatever the hub, the connection or a damaged file raises
        raise UserError(f"{name}: cannot be loaded from {source} ({brief(error)})") from None
    wrong = [f"{what.split('_')[0]} {sorted(found[what])[0]}" for what in found if found[what]]
    if wrong:
        raise UserError(f"{source}: not the weights of {name} ({', '.join(wrong)})")
    _weights.check_finite(model, source)
    attach(model, tokenizer=_tokenizer(source))
    return model


def licence(model: nn.Module) -> str:
    """That of the weights, which stands in the text of their page on the hub."""
    return ""


def _kind(name: str, config: Any) -> Any:
    """The class of the network: the one named, else that of the configuration."""
    library = _transformers()
    if _is_network(name):
        return getattr(library, name)
    return getattr(library, (config.architectures or ["AutoModel"])[0])


def _tokenizer(source: str) -> Any:
    """What turns texts into the network's inputs, None where there is none."""
    vocabulary = Path(source, "vocabulary.json")
    if vocabulary.is_file():
        return Vocabulary.read(vocabulary)
    try:
        with patient_and_quiet():
            tokenizer = _transformers().AutoTokenizer.from_pretrained(source)
    except Exception:  # whatever is raised where the folder holds none
        return None
    tokenizer.padding_side = "right"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def _is_network(name: str) -> bool:
    library = _transformers()
    kind = getattr(library, name, None) if name.isidentifier() and name[0].isupper() else None
    return isinstance(kind, type) and issubclass(kind, library.PreTrainedModel)


def _transformers() -> Any:
    """The library, whose import takes seconds that few need."""
    with warnings.catch_warnings():
        # In a notebook it asks for a progress bar that loads from other hosts.
        warnings.filterwarnings("ignore", "IProgress not found")
        import tqdm.auto  # noqa: F401  (its first import warns, and transformers is lazy)
    import transformers

    return transformers
