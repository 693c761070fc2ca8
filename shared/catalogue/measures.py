"""Units of measure: found by any of their names, converted exactly or not at all. Pure.

Figures are decimals of at most 20 digits before and 4 after the point. A conversion whose exact result would need
more is refused, because nothing in the hub is rounded unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction

from shared.canonical import MAX_SCALE
from shared.catalogue.entries import Measure
from shared.errors import Invalid
from shared.text import nfc

_STEPS = 10**MAX_SCALE
_LONGEST = 60


def same_name(text: str) -> str:
    """Return the form in which two spellings of one name are equal: NFC, without case and blanks."""
    return "".join(nfc(text).casefold().split())


class Measures:
    """The measures of one catalogue. Without any, names are taken as they are: a figure's measure is then right if it
    is spelled like the indicator's."""

    def __init__(self, measures: Iterable[Measure] = ()) -> None:
        self._by_name = {name: measure for measure in measures for name in names(measure)}

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def find(self, text: str) -> Measure | None:
        """Return the measure that bears this name or alias."""
        return self._by_name.get(same_name(text))

    def are_same(self, one: str, other: str) -> bool:
        """Tell whether two names mean one measure."""
        if same_name(one) == same_name(other):
            return True
        found = self.find(one)
        return found is not None and found is self.find(other)

    def convert(self, value: Decimal, source: str, target: str) -> Decimal:
        """Return the value, given in `source`, in `target` (names or aliases).

        Raises Invalid("measures.unlike") if they are not known as measures of one dimension,
        Invalid("measures.inexact") if the result would have to be rounded.
        """
        one, other = self.find(source), self.find(target)
        if one is None or other is None or one.dimension != other.dimension:
            raise Invalid(
                "measures.unlike",
                f"{source[:_LONGEST]!r} cannot be converted into {target!r}",
                f"Không quy đổi được “{source[:_LONGEST]}” sang “{target}”.",
            )
        exact = Fraction(value) * Fraction(one.factor) / Fraction(other.factor) * _STEPS
        if exact.denominator != 1:
            raise Invalid(
                "measures.inexact",
                f"{value} {one.name} in {other.name} has more than {MAX_SCALE} decimals",
                f"{value} {one.name} đổi sang {other.name} có quá {MAX_SCALE} chữ số thập phân.",
            )
        # Built from its digits, because arithmetic would round to the context's precision.
        digits = tuple(int(digit) for digit in str(abs(exact.numerator)))
        return Decimal((int(exact < 0), digits, -MAX_SCALE))


def names(measure: Measure) -> Iterator[str]:
    """Yield everything the measure may be called, each in the form of `same_name`."""
    for name in (measure.name, *measure.aliases):
        yield same_name(name)
