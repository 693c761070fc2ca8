"""Reports of reconciliations, to read and to take away."""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, Row

from services.integration import intake
from services.integration.domain.mapping import last_day
from services.integration.domain.reconciliation import Direction
from services.integration.domain.report import Facts, Names, Run, report_of
from services.integration.reports.outline import outline
from services.integration.service.paging import id_of
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as reconciliation_rows
from services.integration.storage import reports, scrubs
from shared.contracts.actor import Actor
from shared.contracts.views.reports import ReportFile, ReportView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import Unit, UnitOfWork

Format = Literal["html", "xlsx", "pdf"]

LISTED = {"json": 1_000, "html": 500, "xlsx": 20_000, "pdf": 300}
"""Differences that a report lists, those that are left first; it counts all of them."""

TREND = 12
_ROW_OF_LIST = re.compile(r"\.R\d+$", re.ASCII)


class ReportCalls:
    """What a leader reads of a reconciliation."""

    unit: UnitOfWork

    @rpc
    def read_report(self, actor: Actor, reconciliation_id: str) -> ReportView:
        """Return the report of a reconciliation: verdict, what matches, what differs, trend, proof.

        Raises NotFound("integration.no_reconciliation").
        """
        return self._report(actor, reconciliation_id, LISTED["json"])

    @rpc
    def export_report(self, actor: Actor, reconciliation_id: str, format: Format) -> ReportFile:
        """Return the same report as a page (HTML), a workbook (XLSX) or a paper (PDF).

        Raises NotFound("integration.no_reconciliation"), and what setting a paper raises.
        """
        report = self._report(actor, reconciliation_id, LISTED[format])
        content = _drawn(report, format)
        return ReportFile(name=f"doi-soat-{report.reconciliation_id}", content=base64.b64encode(content).decode())

    def _report(self, actor: Actor, reconciliation_id: str, listed: int) -> ReportView:
        actor.require("reconciliations.read")
        with self.unit(actor) as unit:
            row = reconciliation_rows.load(unit.connection, id_of(reconciliation_id))
            if row is None:
                raise NotFound("integration.no_reconciliation", reconciliation_id, "Không có lần đối soát này.")
            return report_of(_facts(unit, row, listed))


def _facts(unit: Unit, row: Row[Any], listed: int) -> Facts:
    connection = unit.connection
    scrubbed = scrubs.last(connection, row.partner)
    age = row.scrub_age_seconds
    run = Run(
        id=str(row.id),
        partner=row.partner,
        partner_name=_other_side(connection, row),
        direction=row.direction,
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        equal=row.equal,
        entries=row.entries,
        groups=row.buckets,
        pending=row.pending,
        calls=row.calls,
        bytes_compared=row.bytes_compared,
        scrub_age_seconds=reconciliation_rows.finished_age(scrubbed, unit.now) if age is None else age,
        error=row.error,
    )
    return Facts(
        run=run,
        now=unit.now,
        tallies=reports.tallies(connection, row.id),
        differences=reports.found(connection, row.id, listed),
        scopes=reports.scopes(connection, row),
        past=reports.past(connection, row, TREND),
        scrubbed_at=scrubbed,
        warehouse_checked_at=scrubs.last(connection, None, "warehouse"),
        names=_names(connection),
    )


def _other_side(connection: Connection, row: Row[Any]) -> str:
    if row.direction == Direction.WAREHOUSE:
        return "Kho dữ liệu của tỉnh"
    return partner_rows.load(connection, row.partner).name


def _names(connection: Connection) -> Names:
    organisation = intake.organisation(connection)
    entries = intake.catalogue.cached(connection).entries

    def named(kind: str, code: str) -> str | None:
        body = entries[kind].get(code) or entries[kind].get(_ROW_OF_LIST.sub("", code))
        return None if body is None else body.get("name")

    return Names(
        form=partial(named, "form"),
        unit=lambda unit, period: organisation.name(unit, last_day(period)),
        indicator=partial(named, "indicator"),
    )


def _drawn(report: ReportView, format: Format) -> bytes:
    drawn = outline(report)
    if format == "html":
        from services.integration.reports.page import page

        return page(drawn)
    if format == "xlsx":
        from services.integration.reports.workbook import workbook

        return workbook(report, drawn)
    from services.integration.reports.paper import paper

    return paper(drawn)
