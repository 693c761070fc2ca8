"""Dead letters, as operators see and settle them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from services.integration.service.paging import bad_filter, id_of, number_of, size_of
from services.integration.storage import dead_letters
from services.integration.storage.dead_letters import Filter
from shared.contracts.actor import Actor
from shared.contracts.views.integration import DeadLetterEvent, DeadLetterPage, DeadLetterView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.storage import Unit, UnitOfWork

LETTER_STATES = ("dead", "replayed", "discarded")


class DeadLetterCalls:
    """Messages that no retry can help, for a person to judge."""

    unit: UnitOfWork

    @rpc
    def list_dead_letters(
        self,
        actor: Actor,
        queue: str | None = None,
        state: str | None = None,
        event: str | None = None,
        error: str | None = None,
        died_after: datetime | None = None,
        died_before: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> DeadLetterPage:
        """List dead letters, newest first, without their bodies, and tell how many match. `error` is looked for in the
        error's text. Raises Invalid("integration.bad_filter")."""
        actor.require("dead_letters.read")
        if state is not None and state not in LETTER_STATES:
            raise bad_filter(f"state {state!r}")
        size = size_of(limit)
        wanted = Filter(
            queue=queue, event=event, error=error, state=state, died_after=died_after, died_before=died_before
        )
        with self.unit(actor) as unit:
            rows, total = dead_letters.page(unit.connection, wanted, number_of(after), size + 1)
        views = [letter_view(row) for row in rows[:size]]
        return DeadLetterPage(dead_letters=views, total=total, next=views[-1].id if len(rows) > size else None)

    @rpc
    def read_dead_letter(self, actor: Actor, dead_letter_id: str) -> DeadLetterView:
        """Read one with its body and its history. Raises NotFound("integration.no_dead_letter")."""
        actor.require("dead_letters.read")
        with self.unit(actor) as unit:
            return _whole(unit, _letter(unit, dead_letter_id))

    @rpc
    def replay_dead_letter(self, actor: Actor, dead_letter_id: str) -> DeadLetterView:
        """Send the message once more, to the queue it died in and under its own id, so that it has its effect once.

        One that is replayed already is answered as it stands; should it die again it is dead again.
        Raises NotFound("integration.no_dead_letter"), Conflict("integration.letter_discarded"), and for a moment
        Unavailable("integration.replay_under_way") while the same message is replayed to another queue.
        """
        actor.require("dead_letters.replay")
        with self.unit(actor) as unit:
            row = _letter(unit, dead_letter_id)
            if row.state == "discarded":
                raise Conflict("integration.letter_discarded", dead_letter_id, "Thông điệp này đã bị hủy bỏ.")
            if row.state == "dead":
                if not dead_letters.sendable(unit.connection, [row.id]):
                    raise Unavailable(
                        "integration.replay_under_way",
                        "the same message is on its way to another queue it died in",
                        "Thông điệp này đang được gửi lại vào hàng đợi khác, xin thử lại sau giây lát.",
                    )
                dead_letters.replay(unit.connection, [row.id], actor.id, unit.now)
                unit.audit("dead_letter.replayed", str(row.id), {"queue": row.queue, "message": str(row.message_id)})
            return _whole(unit, _letter(unit, dead_letter_id))

    @rpc
    def discard_dead_letter(self, actor: Actor, dead_letter_id: str, reason: str) -> DeadLetterView:
        """Settle a letter for good, with the reason. Raises NotFound("integration.no_dead_letter"),
        Invalid("integration.reason_missing"), Conflict("integration.letter_replayed")."""
        actor.require("dead_letters.replay")
        if not reason.strip():
            raise Invalid("integration.reason_missing", "a reason is needed", "Phải nêu lý do hủy bỏ.")
        with self.unit(actor) as unit:
            row = _letter(unit, dead_letter_id)
            if row.state == "replayed":
                raise Conflict("integration.letter_replayed", dead_letter_id, "Thông điệp này đã được gửi lại.")
            if row.state == "dead":
                dead_letters.discard(unit.connection, [row.id], actor.id, unit.now, reason.strip())
                unit.audit("dead_letter.discarded", str(row.id), {"queue": row.queue, "reason": reason.strip()[:500]})
            return _whole(unit, _letter(unit, dead_letter_id))


def letter_view(row: Row[Any]) -> DeadLetterView:
    """Return the letter as callers see it, without body and history."""
    return DeadLetterView(
        id=str(row.id),
        queue=row.queue,
        event=row.event,
        message_id=str(row.message_id),
        correlation_id=row.correlation_id,
        subject=row.subject,
        error=row.error,
        attempts=row.attempts,
        died_at=row.died_at,
        state=row.state,
        replays=row.replays,
    )


def _whole(unit: Unit, row: Row[Any]) -> DeadLetterView:
    """Return the letter with its body, as text if it cannot be read, and with all that happened to it."""
    history = [
        DeadLetterEvent(
            at=item.at,
            what=item.what,
            by=item.by,
            reason=item.reason,
            attempts=item.attempts,
            job=None if item.job is None else str(item.job),
        )
        for item in dead_letters.history_of(unit.connection, row.id)
    ]
    return replace(letter_view(row), body=_readable(bytes(row.body)), history=history)


def _readable(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except ValueError:
        return body.decode(errors="replace")


def _letter(unit: Unit, dead_letter_id: str) -> Row[Any]:
    row = dead_letters.load(unit.connection, id_of(dead_letter_id))
    if row is None:
        raise NotFound("integration.no_dead_letter", dead_letter_id, "Không có thông điệp lỗi này.")
    return row
