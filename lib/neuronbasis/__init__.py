"""Are neurons the right directions in which to read a network?

The library behind the book: bases of activation space, networks to measure, and the
measurements. Every module is imported by name, for example
``from neuronbasis import basis, spotlight``.
"""

__version__ = "0.1.0"
