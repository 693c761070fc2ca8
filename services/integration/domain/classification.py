"""Which class a difference has. Pure, total, deterministic: the first rule that holds, in this order.

1. newer_version  they hold its key under a newer version than ours, whatever they hold
2. duplicate      they list the entry more than once, whatever it holds
3. mapping_gap    nothing of the hub's is meant by their code of the unit or the indicator
4. missing_there  we expect an entry, they list none
5. stale_there    they list an entry that we do not expect: of a form they are not due, or one that we once gave them
6. missing_here   they list an entry that belongs to what they are due, and that we never knew
7. older_version  they hold exactly (value and status) what an earlier version of ours said
8. status         the same value under another status
9. unit_scale     their value is ours times a power of ten, or times a factor between two measures that are known here
10. rounding      the two are equal at the decimals of the coarser one, rounded (half up or half to even) or cut off
11. value         anything else
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext

from services.integration.domain.reconciliation import Cell, Difference, Kind, spelled

_EXACT = Context(prec=200)  # longer than any product of a figure and a factor
_ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one key: what we expect there, everything they list under it, what earlier versions of ours
    said, whether their codes mean something here, whether they are due the form, by which factors measures differ, and
    whether the version under which they hold the key is newer than ours."""

    expected: Cell | None
    found: Sequence[Cell]
    earlier: Collection[Cell] = ()
    mapped: bool = True
    due: bool = True
    factors: Collection[Decimal] = ()
    newer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Both sides of one (form, unit, period), or of a part of it, by the hub's indicator; and what is known of it.
    `versions`: ours and theirs, where theirs is newer."""

    form: str
    unit: str
    period: str
    expected: Mapping[str, Cell]
    found: Mapping[str, Sequence[Cell]]
    earlier: Mapping[str, Collection[Cell]] = field(default_factory=dict)
    unmapped: Collection[str] = ()
    unit_mapped: bool = True
    due: bool = True
    factors: Callable[[str], Collection[Decimal]] = lambda indicator: ()
    versions: tuple[int, int] | None = None


def classify(evidence: Evidence) -> Kind | None:
    """Return the class of what differs; None if nothing does."""
    if not differs(evidence):
        return None
    return next(kind for kind, holds in RULES if holds(evidence))


def differs(evidence: Evidence) -> bool:
    """Tell whether they list anything else than exactly what we expect, once."""
    return tuple(evidence.found) != (() if evidence.expected is None else (evidence.expected,))


def differences(bucket: Bucket) -> list[Difference]:
    """Return what differs in a bucket, in order of the indicator."""
    found = []
    for indicator in sorted(bucket.expected.keys() | bucket.found.keys()):
        evidence = Evidence(
            expected=bucket.expected.get(indicator),
            found=tuple(bucket.found.get(indicator, ())),
            earlier=bucket.earlier.get(indicator, ()),
            mapped=bucket.unit_mapped and indicator not in bucket.unmapped,
            due=bucket.due,
            factors=bucket.factors(indicator),
            newer=bucket.versions is not None,
        )
        kind = classify(evidence)
        if kind is not None:
            told = spelled([] if evidence.expected is None else [evidence.expected]), spelled(evidence.found)
            if kind is Kind.NEWER_VERSION and bucket.versions is not None:
                told = _under(told[0], bucket.versions[0]), _under(told[1], bucket.versions[1])
            found.append(Difference(bucket.form, bucket.unit, bucket.period, indicator, kind, *told))
    return found


def _under(told: str | None, version: int) -> str:
    """Return what one side holds with the version under which it does."""
    return f"{'không có' if told is None else told} [phiên bản {version}]"


def scaled(ours: str | None, theirs: str | None, factors: Iterable[Decimal] = ()) -> bool:
    """Tell whether one is the other times a power of ten, or times one of these factors or its inverse."""
    one, other = _number(ours), _number(theirs)
    if one is None or other is None or one == other or not one or not other:
        return False
    if _digits(one) == _digits(other):
        return True
    with localcontext(_EXACT):
        return any(other == one * factor or one == other * factor for factor in factors)


def rounded(ours: str | None, theirs: str | None) -> bool:
    """Tell whether one is the other at its own, fewer decimals."""
    one, other = _number(ours), _number(theirs)
    if one is None or other is None or one == other:
        return False
    coarse, fine = sorted((one, other), key=_decimals)
    if _decimals(coarse) == _decimals(fine):
        return False
    step = Decimal(1).scaleb(-_decimals(coarse))
    with localcontext(_EXACT):
        return any(fine.quantize(step, rounding) == coarse for rounding in _ROUNDINGS)


def _one(evidence: Evidence) -> Cell:
    return evidence.found[0]


def _stale(evidence: Evidence) -> bool:
    return evidence.expected is None and (not evidence.due or bool(evidence.earlier))


def _values(evidence: Evidence) -> tuple[str | None, str | None]:
    return (None if evidence.expected is None else evidence.expected.value), _one(evidence).value


def _same_value(evidence: Evidence) -> bool:
    ours, theirs = _values(evidence)
    return ours == theirs


RULES: tuple[tuple[Kind, Callable[[Evidence], bool]], ...] = (
    (Kind.NEWER_VERSION, lambda evidence: evidence.newer),
    (Kind.DUPLICATE, lambda evidence: len(evidence.found) > 1),
    (Kind.MAPPING_GAP, lambda evidence: bool(evidence.found) and evidence.expected is None and not evidence.mapped),
    (Kind.MISSING_THERE, lambda evidence: not evidence.found),
    (Kind.STALE_THERE, _stale),
    (Kind.MISSING_HERE, lambda evidence: evidence.expected is None),
    (Kind.OLDER_VERSION, lambda evidence: _one(evidence) in evidence.earlier),
    (Kind.STATUS, _same_value),
    (Kind.UNIT_SCALE, lambda evidence: scaled(*_values(evidence), evidence.factors)),
    (Kind.ROUNDING, lambda evidence: rounded(*_values(evidence))),
    (Kind.VALUE, lambda evidence: True),
)
"""The classes and when they hold, of evidence that differs and to which no earlier one applies."""


def _number(text: str | None) -> Decimal | None:
    try:
        found = None if text is None else Decimal(text)
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _digits(value: Decimal) -> tuple[int, tuple[int, ...]]:
    sign, digits, _ = value.as_tuple()
    significant = "".join(map(str, digits)).strip("0")
    return sign, tuple(map(int, significant))


def _decimals(value: Decimal) -> int:
    """Return how many decimals the value has in normal form."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= 0:
        return 0
    text = format(value, "f").rstrip("0")
    return len(text.partition(".")[2])
