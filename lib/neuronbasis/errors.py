"""The one error a user's mistake raises."""


class UserError(ValueError):
    """A mistake in what the user passed, told in one line.

    The message names the value, what is legal, and the remedy. The command line prints it
    without a traceback; from Python it is an ordinary ``ValueError``.

    Examples
    --------
    >>> raise UserError("epsilon is 1.5; it must lie in (0, 1]: pass a cosine such as 0.9")
    Traceback (most recent call last):
        ...
    neuronbasis.errors.UserError: epsilon is 1.5; it must lie in (0, 1]: pass a cosine such as 0.9
    """
