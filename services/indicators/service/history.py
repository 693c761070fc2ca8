"""Loading existing history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from services.indicators.domain import history as rules
from services.indicators.domain.cells import Cell
from services.indicators.domain.derivations import Rules
from services.indicators.domain.history import Entry, History, Key
from services.indicators.recording import current_rules, record
from services.indicators.service.paging import bounded
from services.indicators.storage import history, partitions, readings, warehouse
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import Figure, SubmissionFinalised
from shared.contracts.hashes import round_hash
from shared.contracts.views.history import HistoryDifference, HistoryLoadView, HistoryResult
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork

MAX_DIFFERENCES = 200


class _Rehearsed(Exception):
    """Ends the transaction of a dry run without its effects."""


class HistoryCalls:
    """Figures that were approved before the hub was there."""

    unit: UnitOfWork

    @rpc
    def load_history(
        self,
        actor: Actor,
        source: str,
        decision: str,
        figures: list[dict[str, Any]] | None = None,
        csv: str | None = None,
        dry_run: bool = False,
    ) -> HistoryResult:
        """Record figures (`indicator`, `unit`, `period`, `value` as decimal text or null with `nothing_occurred`,
        perhaps `status` and `form`), or a CSV text of them, as approved, with their source and the decision for it.

        What follows from them is derived and told as of any round (round 0). Published figures of computed indicators
        are compared, not recorded. The same load again changes nothing; `dry_run` does all of it and keeps nothing.
        Raises Invalid("indicators.history_invalid") with every fault by row and column,
        Conflict("indicators.history_conflicts") where a figure differs from an approved one, Forbidden out of scope.
        """
        actor.require("observations.load")
        if (figures is None) == (csv is None):
            raise Invalid("indicators.history_body", "give figures or csv", "Hãy gửi danh sách số liệu hoặc tệp CSV.")
        rows = rules.rows_of_csv(csv) if csv is not None else figures or []
        with reading(self.unit.engine).connect() as connection:
            known = current_rules(connection)
            load = rules.read(source, decision, rows, known)
            repeated = history.find(connection, load.id)
        for form, about in {(form, about) for form, about, _ in load.groups}:
            actor.require("observations.load", unit=about, form=form)
        for about in {entry.unit for entry in load.published}:
            actor.require("observations.load", unit=about)
        if repeated is not None:
            return msgspec.convert({**repeated, "dry_run": dry_run, "repeated": True}, HistoryResult)
        with self.unit(actor) as unit:
            # A transaction of its own: readers without a bound on the period wait only for this.
            warehouse.lock(unit.connection)
            for _, _, period in load.groups:
                partitions.ensure(unit.connection, period)
        result: HistoryResult | None = None
        try:
            with self.unit(actor) as unit:
                result = _recorded(unit, load, known, source, decision)
                if dry_run:
                    raise _Rehearsed
        except _Rehearsed:
            pass
        if result is None:
            raise AssertionError("a transaction that ended well has a result")
        return replace(result, dry_run=dry_run)

    @rpc
    def list_history_loads(self, actor: Actor, limit: int = 50) -> list[HistoryLoadView]:
        """Return the newest loads of history with source, decision and what became of them. An observation that one
        brought names it in `submission_id`: `history:` and the first 16 digits of its id. They tell of figures of any
        unit and form, so actors within a scope are refused."""
        actor.require("observations.load", unit=EVERYWHERE, form=EVERYWHERE)
        with reading(self.unit.engine).connect() as connection:
            return msgspec.convert(history.page(connection, bounded(limit)), list[HistoryLoadView])


def _recorded(unit: Unit, load: History, known: Rules, source: str, decision: str) -> HistoryResult:
    warehouse.lock(unit.connection)
    again = history.find(unit.connection, load.id)
    if again is not None:
        return msgspec.convert({**again, "repeated": True}, HistoryResult)
    faults: list[rules.HistoryFault] = []
    recorded, batches = 0, 0
    for key, entries in load.groups.items():
        form, about, period = key
        current = warehouse.cells(unit.connection, about, period)
        changed = rules.changed(current, entries)
        if not changed:
            continue
        forms = {form, *(cell.form for cell in current.values())}
        releases = warehouse.releases_of(unit.connection, forms, about, period)
        faults += rules.approved(form, {name for name in releases if releases[name].round > 0}, current, changed)
        if not faults:
            _record(unit, known, key, load, rules.merged(form, current, entries))
            recorded, batches = recorded + len(changed), batches + 1
    if faults:
        raise rules.conflicting(faults)
    result = _compared(unit, load, HistoryResult(
        id=load.id,
        source=source,
        decision=decision,
        figures=load.figures,
        recorded=recorded,
        unchanged=sum(map(len, load.groups.values())) - recorded,
        batches=batches,
    ))  # fmt: skip
    details = msgspec.to_builtins(result)
    history.save(unit.connection, load.id, source, decision, unit.now, unit.actor.id, details)
    del details["differences"]
    unit.audit("history.loaded", f"history/{load.id}", details)
    return result


def _record(unit: Unit, known: Rules, key: Key, load: History, cells: dict[str, Cell]) -> None:
    form, about, period = key
    figures = [Figure(code, cell.value, cell.status) for code, cell in sorted(cells.items())]
    part = SubmissionFinalised(
        submission_id=f"history:{load.id[:16]}",
        round=0,
        content_hash=round_hash(form, about, period, 0, figures),
        form=form,
        unit=about,
        agency=known.agency(form, about),
        period=period,
        level=rules.level_of(known, about),
        approved_at=unit.now,
        index=0,
        total=1,
        figures=figures,
    )
    record(unit, part, figures, known)


def _compared(unit: Unit, load: History, result: HistoryResult) -> HistoryResult:
    """Compare published figures of computed indicators with the computed ones."""
    differences: list[HistoryDifference] = []
    compared = within = 0
    for entry, computed in _computed(unit, load.published):
        if computed is None:
            continue
        compared += 1
        if rules.agrees(entry.value, computed.value):
            within += 1
        elif len(differences) < MAX_DIFFERENCES:
            differences.append(
                HistoryDifference(
                    row=entry.row,
                    indicator=entry.indicator,
                    unit=entry.unit,
                    period=entry.period,
                    published=entry.value,
                    computed=computed.value,
                )
            )
    return replace(result, published=len(load.published), compared=compared, within=within, differences=differences)


def _computed(unit: Unit, published: list[Entry]) -> list[tuple[Entry, readings.Point | None]]:
    if not published:
        return []
    indicators = sorted({entry.indicator for entry in published})
    units, periods = sorted({entry.unit for entry in published}), sorted({entry.period for entry in published})
    held = readings.series(unit.connection, indicators, units, periods, as_of=None, forms=None)
    return [(entry, held.get((entry.indicator, entry.unit, entry.period))) for entry in published]
