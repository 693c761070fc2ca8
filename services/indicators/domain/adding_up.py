"""Adding up a year of values, a unit's own before those of the units it came from. Pure.

The periods of one kind in a year are told by bits: bit 0 is the year's first. Amounts are whole ten-thousandths, so
sums are exact and quick; where a share of a split unit counts they are decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

SCALE = 4
"""Decimal places of an amount."""

_WIDE = Context(prec=100)  # shares of several reforms multiply without rounding
_WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True)
class YearRow:
    """The values of one unit and indicator in a year: in which periods there is one (`present`), in which something
    occurred, in which those it came from stand in (`inherited`), and the amounts by period, 0 where there is none."""

    present: int
    occurred: int
    amounts: Sequence[int | Decimal]
    inherited: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """Periods of a year in which the same units, each with its share, together make the figure of another."""

    periods: int
    parts: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What the warehouse has in one column for one unit and indicator: of how many periods there is a figure, in how
    many something occurred, for how many those it came from stand in, and the sum."""

    periods: int = 0
    occurred: int = 0
    inherited: int = 0
    total: Decimal | None = None


def spread(occurred: int, amounts: list[int], size: int) -> list[int]:
    """Return the amounts by period; `amounts` has those of the periods in which something occurred, in order."""
    if occurred == (1 << len(amounts)) - 1:
        return amounts + [0] * (size - len(amounts))
    found = [0] * size
    for number, amount in zip(bits(occurred), amounts, strict=True):
        found[number] = amount
    return found


def bits(mask: int) -> Iterator[int]:
    """Return the numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def with_parts(
    own: YearRow | None, segments: Sequence[Segment], rows: Mapping[str, YearRow], size: int
) -> YearRow | None:
    """Return the year of a unit whose own figures come first; where it has none, the figures of those it came from
    count, if all of them are there. `rows` are those units' years."""
    made = own
    for segment in segments:
        parts = [(rows.get(unit), share) for unit, share in segment.parts]
        there = segment.periods if made is None else segment.periods & ~made.present
        occurred = 0
        for row, _ in parts:
            there = 0 if row is None else there & row.present
            occurred |= 0 if row is None else row.occurred
        if there:
            made = _joined(made, there, occurred & there, _summed(parts, size))
    return made


def _summed(parts: Sequence[tuple[YearRow | None, Decimal]], size: int) -> list[int | Decimal]:
    columns = [
        row.amounts if share == _WHOLE else [_WIDE.multiply(share, Decimal(amount)) for amount in row.amounts]
        for row, share in parts
        if row is not None
    ]
    return [sum(column) for column in zip(*columns, strict=True)] if columns else [0] * size


def _joined(own: YearRow | None, there: int, occurred: int, amounts: list[int | Decimal]) -> YearRow:
    held = own or YearRow(0, 0, [0] * len(amounts))
    mixed = [amounts[number] if there >> number & 1 else amount for number, amount in enumerate(held.amounts)]
    return YearRow(held.present | there, held.occurred | occurred, mixed, held.inherited | there)


def found_in(row: YearRow, periods: int) -> Found:
    """Return what a year has in these periods, which follow one another."""
    first, last = (periods & -periods).bit_length() - 1, periods.bit_length()
    occurred = (row.occurred & periods).bit_count()
    total = _decimal(sum(row.amounts[first:last])) if occurred else None
    return Found((row.present & periods).bit_count(), occurred, (row.inherited & periods).bit_count(), total)


def _decimal(amount: int | Decimal) -> Decimal:
    return Decimal(amount).scaleb(-SCALE, _WIDE)
