"""What the owner of a form does to obligations: extend, waive, restore, open and close the intake, urge."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.submissions.domain import acts, rounds
from services.submissions.domain.rounds import Submission
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import obligations, submissions
from services.submissions.storage.obligations import Act
from shared.calendar import local_date
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import ObligationsAnnounced, OwedItem
from shared.contracts.views.obligations import AnnouncementView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

MAX_ITEMS = 500
"""Obligations of one agency that travel in one event."""

MAX_WITHIN_DAYS = 60


class ObligationCalls:
    """Acts on obligations of a form and period: of one unit, or of all within the actor's scope.

    Each needs the right obligations.manage, and a form of one's own or the Office (Đ14.3); each is kept with its
    reason, audited, and told to the agencies concerned (Đ17.4). One that cannot be changed is named under `refused`;
    if it was asked for alone, its Conflict is raised. Commands may be repeated: what is so already is left alone. All
    raise NotFound("submissions.no_obligations"), Invalid("submissions.reason"), Forbidden("submissions.not_owner").
    """

    unit: UnitOfWork

    @rpc
    def extend_obligations(
        self, actor: Actor, form: str, period: str, to: datetime, reason: str, unit: str | None = None
    ) -> AnnouncementView:
        """Give obligations a later deadline. Raises Invalid("submissions.past") for one that has passed,
        Conflict("submissions.settled", "submissions.not_later")."""
        return self._act(actor, acts.EXTENDED, form, period, unit, reason, lambda item: acts.extend(item, to), until=to)

    @rpc
    def waive_obligations(
        self, actor: Actor, form: str, period: str, reason: str, unit: str | None = None
    ) -> AnnouncementView:
        """Call obligations off: nothing is owed, no figures are taken. Raises Conflict("submissions.submitted",
        "submissions.approved")."""
        return self._act(actor, acts.WAIVED, form, period, unit, reason, acts.waive)

    @rpc
    def restore_obligations(
        self, actor: Actor, form: str, period: str, reason: str, unit: str | None = None
    ) -> AnnouncementView:
        """Make waived obligations owed again, as far as they had come."""
        return self._act(actor, acts.RESTORED, form, period, unit, reason, acts.restore)

    @rpc
    def open_intake(
        self, actor: Actor, form: str, period: str, reason: str, until: datetime | None = None, unit: str | None = None
    ) -> AnnouncementView:
        """Take figures outside the schedule, until then or until the intake is closed (Đ17.4)."""

        def opened(item: Submission) -> Submission:
            return acts.set_intake(item, rounds.OPEN, until)

        return self._act(actor, acts.OPENED, form, period, unit, reason, opened, until=until)

    @rpc
    def close_intake(
        self, actor: Actor, form: str, period: str, reason: str, until: datetime | None = None, unit: str | None = None
    ) -> AnnouncementView:
        """Take no figures although the schedule would, until then or until the intake is opened (Đ17.4)."""

        def closed(item: Submission) -> Submission:
            return acts.set_intake(item, rounds.CLOSED, until)

        return self._act(actor, acts.CLOSED, form, period, unit, reason, closed, until=until)

    @rpc
    def urge(
        self,
        actor: Actor,
        form: str,
        period: str | None = None,
        unit: str | None = None,
        agency: str | None = None,
        within_days: int = 0,
        reason: str = "",
    ) -> AnnouncementView:
        """Remind those who are late, or due within so many days (Đ19, Đ24.3): each obligation once a day, at most
        5,000 by one command. Raises Invalid("submissions.within_days") outside 0 to 60."""
        if not 0 <= within_days <= MAX_WITHIN_DAYS:
            raise Invalid("submissions.within_days", "within_days is 0 to 60", "Số ngày phải từ 0 đến 60.")
        within = timedelta(days=within_days)
        with self.unit(actor) as transaction:
            _require(transaction, actor, form, unit)
            wanted = submissions.filters(
                form=form, unit=unit, agency=agency, period=period, state=None, units=_units(actor), forms=None
            )
            now = transaction.now
            found = obligations.to_urge(transaction.connection, wanted, now + within, local_date(now))
            changed = [urged for item in found if (urged := acts.urge(item, now, within)) is not item]
            return _done(transaction, acts.URGED, reason.strip(), None, changed)

    def _act(
        self,
        actor: Actor,
        act: str,
        form: str,
        period: str,
        unit: str | None,
        reason: str,
        change: Callable[[Submission], Submission],
        until: datetime | None = None,
    ) -> AnnouncementView:
        reason = acts.require_reason(reason)
        with self.unit(actor) as transaction:
            _require(transaction, actor, form, unit)
            found = obligations.of_form(transaction.connection, form, period, unit, _units(actor))
            if not found:
                raise NotFound(
                    "submissions.no_obligations",
                    f"nobody owes {form} for {period}",
                    "Không có đơn vị nào phải nộp báo cáo này.",
                )
            changed: list[Submission] = []
            refused: dict[str, str] = {}
            for item in found:
                try:
                    after = change(item)
                except Conflict as conflict:
                    if unit is not None:
                        raise
                    refused[item.id] = conflict.code
                    continue
                if after is not item:
                    changed.append(after)
            if changed:
                # Asked only of what is new: the same command again, when the moment has passed, is answered as before.
                acts.require_future(until, transaction.now)
            return _done(transaction, act, reason, until, changed, len(found) - len(changed) - len(refused), refused)


def _require(transaction: Unit, actor: Actor, form: str, unit: str | None) -> None:
    actor.require("obligations.manage", unit=unit, form=form)
    acts.require_owner(actor, form, catalogues.current(transaction.connection))


def _units(actor: Actor) -> tuple[str, ...] | None:
    return None if EVERYWHERE in actor.units else actor.units


def _done(
    transaction: Unit,
    act: str,
    reason: str,
    until: datetime | None,
    changed: Sequence[Submission],
    unchanged: int = 0,
    refused: dict[str, str] | None = None,
) -> AnnouncementView:
    """Save what changed with the act, audit it, and tell the agencies."""
    announcement = str(uuid.uuid4()) if changed else None
    if announcement is not None:
        obligations.save_acted(transaction.connection, changed)
        by, now = transaction.actor.id, transaction.now
        kept = (
            Act(submission=item.id, act=act, at=now, by=by, reason=reason, until=until, announcement=announcement)
            for item in changed
        )
        obligations.record(transaction.connection, kept)
        details: dict[str, Any] = {"reason": reason, "until": until, "announcement": announcement}
        for item in changed:
            transaction.audit(f"obligation.{act}", item.id, details)
        for event in _events(transaction, act, reason, until, announcement, changed):
            transaction.emit(event)
    return AnnouncementView(
        announcement=announcement,
        act=act,
        reason=reason,
        until=until,
        changed=[item.id for item in changed],
        unchanged=unchanged,
        refused=refused or {},
    )


def _events(
    transaction: Unit,
    act: str,
    reason: str,
    until: datetime | None,
    announcement: str,
    changed: Sequence[Submission],
) -> list[ObligationsAnnounced]:
    by_agency: dict[str, list[OwedItem]] = {}
    for item in sorted(changed, key=lambda item: (item.form, item.period, item.unit)):
        owed = OwedItem(item.id, item.form, item.unit, item.period, item.due_by)
        by_agency.setdefault(item.agency, []).append(owed)
    return [
        ObligationsAnnounced(
            announcement=announcement,
            act=act,
            agency=agency,
            by=transaction.actor.id,
            at=transaction.now,
            reason=reason,
            until=until,
            index=index,
            obligations=items[start : start + MAX_ITEMS],
        )
        for agency, items in sorted(by_agency.items())
        for index, start in enumerate(range(0, len(items), MAX_ITEMS))
    ]
