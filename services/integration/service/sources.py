"""What sources post: what they hold, to be compared with what was received from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from services.integration import intake
from services.integration.domain import source_levels as levels
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell, Direction
from services.integration.domain.sources import NEXT_STEPS
from services.integration.service.paging import id_of
from services.integration.source_asking import compare_level
from services.integration.storage import partners as partner_rows
from services.integration.storage import reconciliations as rows
from services.integration.storage import reports, sources
from services.integration.storage.sources import Group, Value
from shared.contracts.actor import Actor
from shared.contracts.views.sources import (
    SourceComparisonView,
    SourceDifference,
    SourceGroup,
    StatedDigest,
    StatedValue,
)
from shared.digest import Digest
from shared.entrypoints import rpc
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

SHOWN = 200
SHOWN_DIFFERENCES = 1_000
_RIGHT = "sources.compare"


class SourceCalls:
    """The word of sources that nobody can call."""

    unit: UnitOfWork

    @rpc
    def post_source_digests(
        self, actor: Actor, level: str, digests: list[StatedDigest], reconciliation_id: str | None = None
    ) -> SourceComparisonView:
        """Take the digests of what the actor's system holds at a level (root, period, form, bucket).

        Without an id a comparison begins, in place of one that this source had under way; with it the next level of
        that one is compared at once, and the answer names the groups that differ. Raises NotFound, Forbidden,
        Conflict("integration.busy") while another comparison with this partner is under way,
        Conflict("integration.not_waiting") if other words are waited for, Invalid("integration.bad_digest").
        """
        with self.unit(actor) as unit:
            partner = _permitted(unit, actor)
            stated = _stated(unit, actor, partner, level, digests)
            if reconciliation_id is None:
                row = _begin(unit, actor, partner, level)
                sources.state(unit.connection, row.id, level, stated)
            else:
                row = _own(unit, partner, reconciliation_id)
                run = sources.run(unit.connection, row.id)
                waits = run is not None and run.phase == levels.DIGESTS and _reaches(level, run.level)
                if not waits:
                    raise _not_waiting(f"digests of level {level}")
                sources.state(unit.connection, row.id, level, stated)
                compare_level(unit.connection, row.id, level)
            return _view(unit, row.id)

    @rpc
    def post_source_values(
        self,
        actor: Actor,
        reconciliation_id: str,
        period: str,
        form: str,
        unit: str,
        values: list[StatedValue],
        page: int = 1,
        last: bool = True,
    ) -> SourceComparisonView:
        """Take what the actor's system holds in a group that differs, page by page; a page replaces itself and those
        after it. With the last page of the last group the hub begins to compare. Raises as `post_source_digests`."""
        group: Group = (period, form, unit)
        given = [Value(item.indicator, Cell(item.value, item.status), item.changed_at) for item in values]
        with self.unit(actor) as transaction:
            row = _own(transaction, _permitted(transaction, actor), reconciliation_id)
            run = sources.run(transaction.connection, row.id)
            waits = run is not None and run.phase == levels.VALUES
            if not waits or not sources.take_values(transaction.connection, row.id, group, page, given, last):
                raise _not_waiting(f"values of {form}, {unit}, {period}")
            left, _ = sources.unlisted(transaction.connection, row.id, levels.LEVELS[-1], 1)
            phase = levels.VALUES if left else levels.COMPARING
            sources.move(transaction.connection, row.id, phase, levels.LEVELS[-1])
            return _view(transaction, row.id)

    @rpc
    def read_source_comparison(self, actor: Actor, reconciliation_id: str) -> SourceComparisonView:
        """Tell how a comparison stands: what is waited for, or how it ended with its first 1,000 differences.

        Raises NotFound for one that is another system's, Forbidden.
        """
        with self.unit(actor) as unit:
            return _view(unit, _own(unit, _permitted(unit, actor), reconciliation_id).id)


def _permitted(unit: Unit, actor: Actor) -> Partner:
    actor.require(_RIGHT)
    partner = None if actor.partner is None else partner_rows.find(unit.connection, actor.partner)
    if partner is None or not partner.permitted(unit.now):
        raise Forbidden(
            "integration.not_permitted",
            f"{actor.id} belongs to no partner that is permitted today",
            "Hệ thống này chưa được cho phép kết nối, hoặc phép đã hết hạn.",
        )
    return partner


def _stated(
    unit: Unit, actor: Actor, partner: Partner, level: str, digests: Sequence[StatedDigest]
) -> dict[Group, Digest]:
    """Return what is stated by group; forms and units that the actor may not push are not heard of either."""
    if level not in levels.LEVELS:
        raise Invalid("integration.bad_digest", f"{level!r} is no level", "Mức tổng hợp không hợp lệ.")
    organisation = intake.organisation(unit.connection)
    found: dict[Group, Digest] = {}
    for item in digests:
        group = item.period or "", item.form or "", item.unit or ""
        if levels.cut(group, level) != group or group in found or "" in group[: levels.LEVELS.index(level)]:
            raise Invalid(
                "integration.bad_digest", f"{group} is no group of level {level}, or stands twice", "Nhóm không hợp lệ."
            )
        about = partner.mapping.at(group[0]).hub_unit(group[2], group[0], organisation) if group[2] else None
        actor.require(_RIGHT, unit=about, form=group[1] or None)
        try:
            found[group] = Digest.parse(item.count, item.digest)
        except (ValueError, TypeError) as error:
            raise Invalid(
                "integration.bad_digest", f"{item.digest[:80]!r}: {error}", "Mã tổng không hợp lệ."
            ) from error
    return found


def _begin(unit: Unit, actor: Actor, partner: Partner, level: str) -> Row[Any]:
    connection = unit.connection
    for _ in range(2):
        row = rows.begin(
            connection,
            partner.id,
            repair=False,
            by=actor.id,
            correlation_id=unit.correlation_id,
            direction=Direction.SOURCE,
        )
        run = sources.run(connection, row.id)
        if run is None and row.direction == Direction.SOURCE:
            break
        if row.direction != Direction.SOURCE or row.method == "called":
            raise Conflict(
                "integration.busy",
                f"reconciliation {row.id} with {partner.id} is under way",
                "Đang có lần đối soát khác với hệ thống này; hãy thử lại sau ít phút.",
            )
        # What its process had begun before it died is of no use to it any more.
        rows.change(connection, row.id, state="superseded", error="begun anew by the source", finished_at=unit.now)
    clients = sorted({*sources.clients_of(connection, partner.id), actor.id})
    sources.start(connection, row.id, level, clients, actor.units, actor.forms)
    unit.audit("reconciliation.started", str(row.id), {"partner": partner.id, "direction": "source", "level": level})
    return row


def _own(unit: Unit, partner: Partner, reconciliation_id: str) -> Row[Any]:
    row = rows.load(unit.connection, id_of(reconciliation_id))
    if row is None or row.partner != partner.id or row.direction != Direction.SOURCE:
        raise NotFound("integration.no_reconciliation", reconciliation_id, "Không có lần đối soát này.")
    return row


def _reaches(level: str, wanted: str) -> bool:
    return levels.LEVELS.index(level) >= levels.LEVELS.index(wanted)


def _not_waiting(what: str) -> Conflict:
    return Conflict(
        "integration.not_waiting",
        f"this comparison waits for no {what}; read how it stands",
        "Lần đối soát này không chờ nội dung vừa gửi; hãy xem trạng thái hiện tại.",
    )


def _view(unit: Unit, number: int) -> SourceComparisonView:
    connection = unit.connection
    row = rows.load(connection, number)
    run = sources.run(connection, number)
    if row is None:
        raise NotFound("integration.no_reconciliation", str(number), "Không có lần đối soát này.")
    if row.finished_at is None and run is not None:
        waits = run.phase in (levels.DIGESTS, levels.VALUES)
        level = levels.LEVELS[-1] if run.phase == levels.VALUES else levels.above(run.level, levels.LEVELS)
        groups, total = sources.unlisted(connection, number, level or "root", SHOWN) if waits else ([], 0)
        return SourceComparisonView(
            id=str(number),
            state=run.phase,
            level=run.level if run.phase == levels.DIGESTS else None,
            differing=[
                SourceGroup(
                    period=item.period or None,
                    form=item.form or None,
                    unit=item.unit or None,
                    received=item.received,
                    stated=item.stated,
                )
                for item in groups
            ],
            more=total - len(groups),
        )
    found = reports.found(connection, number, SHOWN_DIFFERENCES)
    return SourceComparisonView(
        id=str(number),
        state=row.state,
        equal=row.equal,
        entries=row.entries,
        pending=row.pending,
        differences=[
            SourceDifference(
                kind=item.kind,
                form=item.form,
                unit=item.unit,
                period=item.period,
                indicator=item.indicator,
                received=item.expected,
                stated=item.found,
                owner=item.owner or "",
                todo=NEXT_STEPS.get(item.kind, ""),
            )
            for item in found
        ],
        omitted=sum(rows.difference_counts(connection, number).values()) - len(found),
        error=row.error,
    )
