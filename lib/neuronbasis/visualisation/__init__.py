"""What a direction looks like: pictures along it, pictures that excite it, pages to turn it."""

from neuronbasis.visualisation._coherence import coherence, difference, random_images, rate
from neuronbasis.visualisation._gallery import DATA as DATA
from neuronbasis.visualisation._gallery import frame, gallery, gallery_of, single_page
from neuronbasis.visualisation._maximisation import isolation, maximised, noise
from neuronbasis.visualisation._maximisation import off_at as off_at
from neuronbasis.visualisation._objectives import OBJECTIVES, compare_objectives
from neuronbasis.visualisation._strongest import both_ends, strongest, thumbnails
from neuronbasis.visualisation._traversal import Walk, nearest, pictures, walk
from neuronbasis.visualisation._turning import turning_page

__all__ = [
    "nearest",
    "strongest",
    "both_ends",
    "thumbnails",
    "pictures",
    "walk",
    "Walk",
    "maximised",
    "isolation",
    "noise",
    "compare_objectives",
    "coherence",
    "random_images",
    "rate",
    "difference",
    "gallery",
    "gallery_of",
    "single_page",
    "turning_page",
    "frame",
    "OBJECTIVES",
]
