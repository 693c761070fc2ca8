"""Units as they were known on an earlier day: tests take a catalogue back to the eve of a reform and apply it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from msgspec.structs import replace

from shared.catalogue.units import Name, Span, Unit

S = TypeVar("S", bound=Span)


def before(units: Iterable[Unit], on: date) -> dict[str, Unit]:
    """Return the units as they were known before this day: what begins on it or later is left out, what ends on it or
    later is open."""
    return {unit.id: _rewound(unit, on) for unit in units if unit.valid_from is None or unit.valid_from < on}


def _rewound(unit: Unit, on: date) -> Unit:
    names, parents = _reopened(unit.names, on), _reopened(unit.parents, on)
    latest = names[-1] if names else Name(name=unit.name, type_vi=unit.type_vi)
    return replace(
        unit,
        name=latest.name,
        type_vi=latest.type_vi,
        parent=parents[-1].parent if parents else unit.parent,
        valid_to=_open(unit.valid_to, on),
        codes=_reopened(unit.codes, on),
        names=names,
        parents=parents,
        successors=[edge for edge in unit.successors if edge.on < on],
    )


def _reopened(spans: Iterable[S], on: date) -> list[S]:
    kept = (span for span in spans if span.valid_from is None or span.valid_from < on)
    return [replace(span, valid_to=_open(span.valid_to, on)) for span in kept]


def _open(end: date | None, on: date) -> date | None:
    return None if end is None or end >= on else end
