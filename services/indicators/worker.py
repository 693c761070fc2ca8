"""The warehouse's events: record approved rounds, tell again what integration lacks, ask again for missing parts."""

from __future__ import annotations

import msgspec

from services.indicators.recording import current_rules, record, tell
from services.indicators.storage import partitions, statistics, warehouse
from shared import chunks
from shared.contracts.events import (
    Figure,
    FinalisedRequested,
    ObservationsRequested,
    SubmissionFinalised,
)
from shared.contracts.hashes import round_hash
from shared.entrypoints import Received, every, handles
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork

OVERDUE_SECONDS = 30.0


class IndicatorsWorker:
    """Recording approved rounds, one batch each."""

    name = "indicators.worker"
    unit = UnitOfWork()

    @handles(SubmissionFinalised)
    def on_submission_finalised(self, unit: Unit, message: Received[SubmissionFinalised]) -> None:
        """Record a round once all its parts are there. An older or repeated round changes nothing.

        Raises Invalid("indicators.content_differs") if the figures are not those that were approved.
        """
        part = message.data
        # The lock comes before any look at the warehouse: forms of one unit and period derive from one another.
        warehouse.lock(unit.connection)
        known = warehouse.releases_of(unit.connection, [part.form], part.unit, part.period).get(part.form)
        if known is not None and known.round >= part.round:
            chunks.drop(unit, part.subject)
            if part.index == 0:
                unit.audit("observations.ignored", part.subject, {"held_round": known.round})
            return
        body = msgspec.json.encode(part.figures)
        bodies = chunks.add(unit, part.subject, part.index, part.total, part.content_hash, body)
        if bodies is None:
            return
        figures = [figure for raw in bodies for figure in msgspec.json.decode(raw, type=list[Figure])]
        found = round_hash(part.form, part.unit, part.period, part.round, figures)
        if found != part.content_hash:
            raise Invalid(
                "indicators.content_differs",
                f"{part.subject}: the figures hash to {found}, approved was {part.content_hash}",
                "Số liệu nhận được không khớp với nội dung đã phê duyệt.",
            )
        record(unit, part, figures, current_rules(unit.connection))

    @handles(ObservationsRequested)
    def on_observations_requested(self, unit: Unit, message: Received[ObservationsRequested]) -> None:
        """Tell the newest version of a (form, unit, period) again, exactly as it was told; nothing if there is none."""
        key = message.data
        release = warehouse.releases_of(unit.connection, [key.form], key.unit, key.period).get(key.form)
        if release is not None:
            content = warehouse.content(unit.connection, key.form, key.unit, key.period, release.batch)
            tell(unit, release, content)

    @every(seconds=10)
    def request_missing(self) -> None:
        """Ask submissions again for rounds of which parts are missing for longer than half a minute."""
        with self.unit() as unit:
            for subject in chunks.overdue(unit.connection, OVERDUE_SECONDS):
                submission_id, _, number = subject.rpartition("/")
                unit.emit(FinalisedRequested(submission_id=submission_id, round=int(number)))

    @every(seconds=3600)
    def make_partitions(self) -> None:
        """Make next year's partition ahead of its first value. Recording makes one that is missing all the same."""
        with self.unit() as unit:
            warehouse.lock(unit.connection)
            for year in (unit.now.year, unit.now.year + 1):
                partitions.ensure(unit.connection, str(year))

    @every(seconds=300)
    def prepare_statistics(self) -> None:
        """Compute what is usual for this year and the last where it is not kept, so that scans find it ready."""
        with self.unit() as unit:
            years = (unit.now.year, unit.now.year - 1)
            lacking = [(year, name) for year in years for name in statistics.lacking(unit.connection, year)]
        for year, name in lacking:
            with self.unit() as unit:
                statistics.keep(unit.connection, year, name)
