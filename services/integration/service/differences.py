"""Differences through time: who is to look, what may stay, what is open again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from services.integration.domain.difference_life import Acceptance, Life, Standing
from services.integration.domain.partners import ZONE
from services.integration.domain.reconciliation import Direction, Kind
from services.integration.reconciling import repair
from services.integration.service.paging import bad_filter, id_of, number_of, size_of
from services.integration.storage import deliveries, differences, expected
from services.integration.storage.differences import Filter, Known
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.differences import KnownDifferencePage, KnownDifferenceView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

_LONGEST_DAYS = 366


class DifferenceCalls:
    """What differs and is not settled."""

    unit: UnitOfWork

    @rpc
    def list_differences(
        self,
        actor: Actor,
        partner: str | None = None,
        direction: str | None = None,
        state: str | None = None,
        kind: str | None = None,
        owner: str | None = None,
        form: str | None = None,
        about: str | None = None,
        period: str | None = None,
        task: bool | None = None,
        settled: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> KnownDifferencePage:
        """List differences in the actor's scope the oldest first; with `settled` repaired ones, too.

        `about` is the unit. Raises Invalid("integration.bad_filter").
        """
        actor.require("reconciliations.read")
        for name, given, known in (
            ("direction", direction, Direction),
            ("state", state, Standing),
            ("kind", kind, Kind),
        ):
            if given is not None and given not in set(known):
                raise bad_filter(f"{name} {given!r}")
        size = size_of(limit)
        wanted = Filter(
            partner=partner,
            direction=direction,
            state=state,
            kind=kind,
            owner=owner,
            form=form,
            unit=about,
            period=period,
            task=task,
            open=not settled,
            units=None if EVERYWHERE in actor.units else actor.units,
            forms=None if EVERYWHERE in actor.forms else actor.forms,
        )
        with self.unit(actor) as unit:
            found = differences.page(unit.connection, wanted, number_of(after), size + 1)
            views = [difference_view(unit, known, known.life) for known in found[:size]]
        return KnownDifferencePage(differences=views, next=views[-1].id if len(found) > size else None)

    @rpc
    def read_difference(self, actor: Actor, difference_id: str) -> KnownDifferenceView:
        """Read one difference. Raises NotFound("integration.no_difference"), Forbidden."""
        actor.require("reconciliations.read")
        with self.unit(actor) as unit:
            known = _found(unit, actor, difference_id, "reconciliations.read")
            return difference_view(unit, known, known.life)

    @rpc
    def assign_difference(self, actor: Actor, difference_id: str, owner: str) -> KnownDifferenceView:
        """Say which agency is to look. Raises Conflict("integration.difference_state") if it is settled, NotFound."""
        return self._changed(actor, difference_id, "assigned", {"owner": owner}, lambda life: life.assigned(owner))

    @rpc
    def accept_difference(self, actor: Actor, difference_id: str, reason: str, until: date) -> KnownDifferenceView:
        """Let a difference stay until a day (included), at most a year, for a reason: while it is exactly this one.

        Raises Invalid("integration.bad_acceptance"), Conflict("integration.difference_state"), NotFound.
        """
        actor.require("reconciliations.run")
        acceptance = Acceptance(by=actor.id, reason=reason, until=until)
        with self.unit(actor) as unit:
            days = (until - unit.now.astimezone(ZONE).date()).days
        if not reason.strip() or not 0 <= days <= _LONGEST_DAYS:
            raise Invalid(
                "integration.bad_acceptance",
                f"a reason is needed, and a day within {_LONGEST_DAYS} days from today",
                f"Cần nêu lý do và chọn ngày trong vòng {_LONGEST_DAYS} ngày kể từ hôm nay.",
            )
        details = {"reason": reason, "until": until.isoformat()}
        return self._changed(actor, difference_id, "accepted", details, lambda life: life.accepted(acceptance))

    @rpc
    def reopen_difference(self, actor: Actor, difference_id: str) -> KnownDifferenceView:
        """Take an acceptance back. Raises Conflict("integration.difference_state") if it was not accepted, NotFound."""
        return self._changed(actor, difference_id, "reopened", {}, lambda life: life.reopened())

    @rpc
    def force_difference(self, actor: Actor, difference_id: str, reason: str) -> KnownDifferenceView:
        """Put the hub's version of the difference's key above the newer one that the partner holds, and send it: what
        stands there is overwritten, now and by what follows. The next reconciliation tells what came of it.

        Raises Invalid("integration.no_reason"), Conflict("integration.not_newer"), NotFound, Forbidden.
        """
        actor.require("reconciliations.run")
        if not reason.strip():
            raise Invalid("integration.no_reason", "forcing needs a reason", "Cần nêu lý do gửi đè.")
        with self.unit(actor) as unit:
            known = _found(unit, actor, difference_id, "reconciliations.run")
            form, about, period, _ = known.place
            wanted = known.direction is Direction.RECEIVER and known.life.kind is Kind.NEWER_VERSION
            head = None
            if wanted and known.life.repairable:
                head = expected.lift(unit.connection, known.partner, form, about, period)
            if head is None:
                raise Conflict(
                    "integration.not_newer",
                    f"difference {known.id} is not one of a newer version there that waits for somebody",
                    "Chênh lệch này không phải do bên nhận giữ phiên bản mới hơn, hoặc đã được xử lý.",
                )
            deliveries.plan(unit.connection, [repair(known.partner, head, unit.correlation_id)])
            life = known.life.repair_begun()
            differences.save(unit.connection, known.direction, known.partner, known.reconciliation, {known.place: life})
            details = {"partner": known.partner, "reason": reason, "version": head.sent_version}
            unit.audit("difference.forced", str(known.id), details)
            return difference_view(unit, known, life)

    def _changed(
        self, actor: Actor, difference_id: str, what: str, details: dict[str, str], change: Callable[[Life], Life]
    ) -> KnownDifferenceView:
        actor.require("reconciliations.run")
        with self.unit(actor) as unit:
            known = _found(unit, actor, difference_id, "reconciliations.run")
            life = change(known.life)
            if life != known.life:
                differences.save(
                    unit.connection, known.direction, known.partner, known.reconciliation, {known.place: life}
                )
                unit.audit(f"difference.{what}", str(known.id), {"partner": known.partner, **details})
            return difference_view(unit, known, life)


def difference_view(unit: Unit, known: Known, life: Life) -> KnownDifferenceView:
    """Return a difference as callers see it."""
    form, about, period, indicator = known.place
    accepted = life.acceptance
    return KnownDifferenceView(
        id=str(known.id),
        direction=known.direction.value,
        partner=known.partner,
        form=form,
        unit=about,
        period=period,
        indicator=indicator,
        kind=life.kind.value,
        state=life.state.value,
        expected=life.expected,
        found=life.found,
        owner=life.owner,
        task=life.task,
        first_seen=life.first_seen,
        last_seen=life.last_seen,
        times_seen=life.times_seen,
        recurrences=life.recurrences,
        failed_repairs=life.failed_repairs,
        age_seconds=differences.age(life, unit.now),
        reconciliation=str(known.reconciliation),
        accepted_by=None if accepted is None else accepted.by,
        accepted_reason=None if accepted is None else accepted.reason,
        accepted_until=None if accepted is None else accepted.until,
        settled_at=life.settled_at,
    )


def _found(unit: Unit, actor: Actor, difference_id: str, right: str) -> Known:
    known = differences.load(unit.connection, id_of(difference_id))
    if known is None:
        raise NotFound("integration.no_difference", difference_id, "Không có chênh lệch này.")
    actor.require(right, unit=known.place[1], form=known.place[0])
    return known
