"""The checks of each chapter: one file a chapter, one function a check.

The first line of a check's docstring says which answer it wants. It returns why the answer is
right, and raises `NotYet` with a hint if it is not.
"""
