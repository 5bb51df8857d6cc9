"""What the axes of a tensor stand for, units or places, as far as is known of each part of them."""

import math
from collections.abc import Iterable, Iterator, Sequence

#: By axis, the factors of its extent: two of them where two axes were merged into it.
Layout = tuple[tuple["Part", ...], ...]


class Part:
    """A factor of the extent of an axis: of units (True), of places (False), or not known (None).

    Tensors that one operation makes of another share their parts, so what is learned of one of
    them later is known of all.

    Examples
    --------
    >>> whole = Part(12)
    >>> heads, depth = whole.split(3)
    >>> heads.say(True), depth.say(True)
    (None, None)
    >>> whole.units
    True
    """

    def __init__(self, size: int, units: bool | None = None) -> None:
        self.size, self.units = size, units
        self._alike: list[Part] = []
        self._within: tuple[Part, tuple[Part, ...]] | None = None

    def say(self, units: bool) -> None:
        """Learn what it stands for, unless that is known; so do all that hang together with it."""
        if self.units is not None:
            return
        self.units = units
        for other in self._alike:
            other.say(units)
        if self._within and all(part.units is units for part in self._within[1]):
            self._within[0].say(units)

    def equate(self, other: "Part") -> None:
        """Let both stand for the same from now on."""
        for one, two in ((self, other), (other, self)):
            one._alike.append(two)
            if two.units is not None:
                one.say(two.units)

    def split(self, first: int) -> tuple["Part", "Part"]:
        """Two factors, the first of that size."""
        both = Part(first, self.units), Part(self.size // first, self.units)
        self._alike += both
        for part in both:
            part._within = (self, both)
        return both


def fresh(shape: Iterable[int], axis: int | None = None) -> Layout:
    """The layout of a shape whose axis of units is this one; by default nothing is known of it."""
    shape = tuple(shape)
    known = None if axis is None else axis % len(shape)
    return tuple((Part(n, None if known is None else i == known),) for i, n in enumerate(shape))


def role(axis: Sequence[Part]) -> bool | None:
    """What all parts of an axis stand for; None if that is not known or not the same."""
    roles = {part.units for part in axis}
    return roles.pop() if len(roles) == 1 else None


def units_axis(layout: Layout) -> int | None:
    """The one axis, behind that of the images, that holds all units; None if that is not known.

    Places may be merged into it: then all of them together are its units.

    Examples
    --------
    >>> units_axis(fresh((1, 8, 8, 96), 3)), units_axis(fresh((1, 8, 96)))
    (3, None)
    """
    found = [i for i, axis in enumerate(layout) if i and any(part.units for part in axis)]
    return found[0] if len(found) == 1 else None


def learn(layout: Layout, axis: int) -> bool:
    """Note that an axis holds the units, where nothing else is known; whether it now does."""
    axis %= len(layout)
    # Several parts merged into one axis, such as by flattening, tell nothing.
    if len(layout[axis]) == 1 and layout[axis][0].units is not False:
        for i, parts in enumerate(layout):
            for part in parts:
                part.say(i == axis)
    return units_axis(layout) == axis


def resized(axis: tuple[Part, ...], size: int) -> tuple[Part, ...]:
    """An axis after slicing, padding or pooling along it."""
    if extent(axis) == size:
        return axis
    found = Part(size, role(axis))
    if len(axis) == 1:
        found.equate(axis[0])
    return (found,)


def places(axis: tuple[Part, ...]) -> tuple[Part, ...]:
    """An axis beside which another one now holds the units."""
    return tuple(Part(part.size, False) if part.units else part for part in axis)


def joined(axes: Sequence[tuple[Part, ...]], size: int) -> tuple[Part, ...]:
    """An axis along which tensors are combined, one place with one place.

    One that stands for units in some tensors and for places in others is open again.
    """
    first, *others = [axis for axis in axes if extent(axis) == size] or [
        resized(axes[0], size) if axes else (Part(size),)
    ]
    for other in others:
        if other is first:
            continue
        if {role(first), role(other)} == {True, False}:
            return (Part(size),)
        if len(first) == len(other) == 1:
            if first[0] is not other[0]:
                first[0].equate(other[0])
        elif role(first) is None and role(other) is not None:
            first = other
    return first


def regrouped(layout: Layout, shape: Iterable[int]) -> Layout | None:
    """The layout of the same numbers in another shape; None where parts of it are torn.

    Examples
    --------
    >>> heads = regrouped(fresh((1, 5, 12), 2), (1, 5, 3, 4))
    >>> [role(axis) for axis in heads]
    [False, False, True, True]
    >>> units_axis(regrouped(heads, (1, 5, 12)))
    2
    """
    rest = [part for axis in layout for part in axis]
    found = []
    for size in shape:
        axis = list(_taken(rest, size))
        if extent(axis) != size:
            return None
        found.append(tuple(axis))
    if rest and found:
        found[-1] += tuple(rest)  # of size 1
    return tuple(found)


def _taken(rest: list[Part], size: int) -> Iterator[Part]:
    """Parts, from the front of the rest, that together have this extent."""
    if size == 1 and rest and rest[0].size == 1:
        yield rest.pop(0)
    while size > 1 and rest:
        part = rest.pop(0)
        if size % part.size and part.size % size == 0:
            part, remaining = part.split(size)
            rest.insert(0, remaining)
        yield part
        if size % part.size:
            return
        size //= part.size


def extent(axis: Iterable[Part]) -> int:
    """Length of an axis of these parts."""
    return math.prod(part.size for part in axis)
