"""Whether what was rolled up is whole and of today: which submissions below it lacks, which were approved since."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.submissions.domain import findings as rules
from services.submissions.domain.aggregation import Lower
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.merge import ROLLUP, Cell

_NAMED = 10


@dataclass(frozen=True, slots=True)
class RollupState:
    """The last roll-up into a draft against the submissions below as they are: `taken` are the rounds it took by
    submission, `weightless` the units it left out by (indicator, weight), `names` the units' names."""

    lowers: Sequence[Lower]
    taken: Mapping[str, int]
    weightless: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def rolled_up(state: RollupState, cells: Mapping[str, Cell]) -> Iterator[Finding]:
    """Find what a draft with rolled up figures lacks; nothing where none of its figures is rolled up any more."""
    rolled = {code for code, cell in cells.items() if cell.origin == ROLLUP}
    if not rolled:
        return
    lacking = [item for item in state.lowers if item.round is None]
    if lacking:
        facts = {"count": str(len(lacking)), "expected": str(len(state.lowers))}
        yield find(rules.ROLLUP_INCOMPLETE, **facts, **_named(lacking, state)).among(about=_digest(lacking))
    approved = [item for item in state.lowers if item.round is not None]
    newer = [item for item in approved if state.taken.get(item.submission_id) != item.round]
    if newer:
        facts = {"count": str(len(newer))}
        yield find(rules.ROLLUP_OUTDATED, **facts, **_named(newer, state)).among(about=_digest(newer))
    for (code, weight), units in sorted(state.weightless.items()):
        if code in rolled:
            told = _listed([(unit, state.names.get(unit, unit)) for unit in sorted(units)])
            about = f"{code}={cells[code].value} without {len(units)}"
            yield find(rules.ROLLUP_LEAVES_OUT, code, weight=weight, **told).among(code, about=about)


def _named(lowers: Sequence[Lower], state: RollupState) -> dict[str, str]:
    several = len({item.period for item in state.lowers}) > 1
    return _listed(
        [
            (f"{item.unit} {item.period}", f"{state.names.get(item.unit, item.unit)} ({item.period})")
            if several
            else (item.unit, state.names.get(item.unit, item.unit))
            for item in lowers
        ]
    )


def _listed(named: Sequence[tuple[str, str]]) -> dict[str, str]:
    more = "" if len(named) <= _NAMED else ", …"
    return {
        "units": ", ".join(unit for unit, _name in named[:_NAMED]) + more,
        "units_vi": ", ".join(name for _unit, name in named[:_NAMED]) + more,
    }


def _digest(lowers: Sequence[Lower]) -> str:
    # What a comment is bound to is a key: a hundred submissions have one of a few characters.
    text = " ".join(f"{item.submission_id}/{item.round}" for item in lowers)
    return f"{len(lowers)} below: {hashlib.sha256(text.encode()).hexdigest()[:16]}"
