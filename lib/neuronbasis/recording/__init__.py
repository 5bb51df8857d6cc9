"""Activations of any torch model by the names of its modules, and which pixels they look at."""

from neuronbasis.recording._activate import Activate as Activate
from neuronbasis.recording._activate import activate
from neuronbasis.recording._cut import Cut, cut
from neuronbasis.recording._field import Field
from neuronbasis.recording._field import whole as whole
from neuronbasis.recording._forms import UnitsAxis as UnitsAxis
from neuronbasis.recording._forms import forms as forms
from neuronbasis.recording._forms import joined as joined
from neuronbasis.recording._hooks import Names as Names
from neuronbasis.recording._hooks import Site as Site
from neuronbasis.recording._hooks import run as run
from neuronbasis.recording._hooks import sites
from neuronbasis.recording._images import LARGEST as LARGEST
from neuronbasis.recording._images import Images as Images
from neuronbasis.recording._inference import inference
from neuronbasis.recording._layers import Layer, Step, layers, steps
from neuronbasis.recording._padding import real_tokens as real_tokens
from neuronbasis.recording._positions import NAMES as NAMES
from neuronbasis.recording._positions import choose as choose
from neuronbasis.recording._receptive import receptive_field, receptive_fields
from neuronbasis.recording._record import record
from neuronbasis.recording._steady import check_steady as check_steady
from neuronbasis.recording._values import answer as answer
from neuronbasis.recording._values import call as call
from neuronbasis.recording._values import on as on

__all__ = [
    "record",
    "layers",
    "steps",
    "activate",
    "cut",
    "receptive_field",
    "receptive_fields",
    "Field",
    "Layer",
    "Step",
    "Cut",
    "inference",
    "sites",
]
