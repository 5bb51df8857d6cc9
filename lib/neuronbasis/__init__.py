"""Bases of activation space, networks to measure, and the measurements of the book.

The book asks whether neurons are the right directions in which to read a network. Every module
is imported by name, for example ``from neuronbasis import basis, spotlight``.
"""

__version__ = "0.1.0"
