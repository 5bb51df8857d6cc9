"""Checks of a reader's own answers to the exercises of the book.

``check("method.arc", arc)`` judges an answer in one line. The files are the chapters; each has one
function a check, which computes what is right from the library, from kept networks or by a law.
"""

from neuronbasis.exercises._check import Result, check, names

__all__ = ["check", "Result", "names"]
