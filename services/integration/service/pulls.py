"""Pulls from sources, as callers start and read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from services.integration.domain.partners import Partner
from services.integration.domain.pull_source import Source, source_of
from services.integration.puller import begin
from services.integration.service.paging import id_of, number_of, size_of
from services.integration.storage import partners as partner_rows
from services.integration.storage import pulls
from shared.contracts.actor import Actor
from shared.contracts.views.pulls import PullDetail, PullErrorView, PullPage, PullReceiptView, PullView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

SHOWN_RECEIPTS = 1_000


class PullCalls:
    """What the hub fetches from source systems: started here or by schedule, done by the worker."""

    unit: UnitOfWork

    @rpc
    def pull(self, actor: Actor, partner: str, since: str | None = None, again: bool = False) -> PullView:
        """Start a pull from this source, or answer the one under way; poll `read_pull` until `finished_at`.

        It asks from the watermark, or from `since`, a mark as the source writes it. With `again` what was sent before
        is sent once more. Raises NotFound("integration.no_partner"), Conflict("integration.no_source"),
        Forbidden("integration.not_permitted"), Invalid("integration.bad_mark"), Invalid("integration.bad_source").
        """
        actor.require("deliveries.manage")
        with self.unit(actor) as unit:
            found, source = _source(unit, partner)
            mark = None if since is None else source.watermark.read(since)
            if since is not None and mark is None:
                raise Invalid("integration.bad_mark", f"{since!r} is no mark of this source", "Mốc không hợp lệ.")
            run = begin(unit, found, source, by=actor.id, since=mark, again=again)
            return _view(run, source)

    @rpc
    def list_pulls(self, actor: Actor, partner: str, after: str | None = None, limit: int = 50) -> PullPage:
        """List the pulls from a source, newest first, and how far it was pulled.

        Raises NotFound("integration.no_partner"), Conflict("integration.no_source").
        """
        actor.require("deliveries.read")
        size = size_of(limit)
        with self.unit(actor) as unit:
            _, source = _source(unit, partner)
            known = pulls.source(unit.connection, partner)
            rows = pulls.page(unit.connection, partner, number_of(after), size + 1)
        views = [_view(row, source) for row in rows[:size]]
        following = views[-1].id if len(rows) > size else None
        if known is None:
            return PullPage(pulls=views, next=following)
        return PullPage(
            pulls=views,
            watermark=None if known.watermark is None else source.watermark.text(known.watermark),
            last_good_at=known.last_good_at,
            failures=known.failures,
            next=following,
        )

    @rpc
    def read_pull(self, actor: Actor, pull_id: str) -> PullDetail:
        """Read one pull with its first 1,000 errors and receipts. Raises NotFound("integration.no_pull")."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            row = pulls.load(unit.connection, id_of(pull_id))
            if row is None:
                raise _no_pull(pull_id)
            return PullDetail(
                pull=_view(row, source_of(partner_rows.load(unit.connection, row.partner))),
                errors=[
                    PullErrorView(
                        page=fault.page,
                        position=fault.position,
                        kind=fault.kind,
                        place=fault.place,
                        code=fault.code,
                        message=fault.message,
                        row=fault.row,
                    )
                    for fault in pulls.faults_of(unit.connection, row.id)
                ],
                receipts=[
                    PullReceiptView(
                        receipt_id=receipt.receipt_id,
                        form=receipt.form,
                        unit=receipt.unit,
                        period=receipt.period,
                        figures=receipt.figures,
                    )
                    for receipt in pulls.receipts_of(unit.connection, row.id, SHOWN_RECEIPTS)
                ],
            )

    @rpc
    def check_pull_receipt(self, actor: Actor, pull_id: str, receipt_id: str) -> None:
        """Say nothing if this receipt came of this pull. Raises NotFound("integration.no_pull")."""
        actor.require("deliveries.read")
        with self.unit(actor) as unit:
            if not pulls.has_receipt(unit.connection, id_of(pull_id), receipt_id):
                raise _no_pull(f"{pull_id} with receipt {receipt_id}")


def _source(unit: Unit, partner: str) -> tuple[Partner, Source[Any]]:
    found = partner_rows.load(unit.connection, partner)
    source = source_of(found)
    if source is None:
        raise Conflict(
            "integration.no_source", f"{partner} is not pulled from", "Hệ thống này không được khai báo là nguồn."
        )
    return found, source


def _no_pull(which: str) -> NotFound:
    return NotFound("integration.no_pull", f"no pull {which}", "Không có lần lấy dữ liệu này.")


def _view(row: Row[Any], source: Source[Any] | None) -> PullView:
    since = None if row.since is None or source is None else source.watermark.text(row.since)
    return PullView(
        id=str(row.id),
        partner=row.partner,
        state=row.state,
        requested_by=row.requested_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        since=since,
        pages=row.pages,
        read=row.read,
        new=row.fresh,
        unchanged=row.unchanged,
        unmapped=row.unmapped,
        refused=row.refused,
        deleted=row.deleted,
        pushes=row.pushes,
        tries=row.tries,
        error_code=row.error_code,
        error=row.error,
    )
