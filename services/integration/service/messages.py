"""The message log, as callers search, read and export it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row

from services.integration.domain.masking import masked_body
from services.integration.domain.messages import Outcome
from services.integration.service.paging import bad_filter, size_of
from services.integration.storage import journal, messages
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.messages import MessageDetail, MessageExport, MessageExportPage, MessagePage, MessageView
from shared.entrypoints import rpc
from shared.errors import Conflict, Forbidden, NotFound
from shared.message_log import FORMAT, Head, entry_id, instant, line_of, unpacked
from shared.storage import UnitOfWork

PAGE_ENTRIES = 200
PAGE_BYTES = 1_000_000
_NEVER_GONE = ""


class MessageCalls:
    """Every message out and in, with what came back."""

    unit: UnitOfWork

    @rpc
    def list_messages(
        self,
        actor: Actor,
        partner: str | None = None,
        direction: str | None = None,
        kind: str | None = None,
        road: str | None = None,
        outcome: str | None = None,
        unit: str | None = None,
        form: str | None = None,
        period: str | None = None,
        correlation: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """List messages in the actor's scope, newest first; one that is about no unit or form is seen by those alone
        who see all. Raises Invalid("integration.bad_filter")."""
        actor.require("messages.read")
        if outcome is not None and outcome not in set(Outcome):
            raise bad_filter(f"outcome {outcome!r}")
        equal = {
            "partner": partner,
            "direction": direction,
            "kind": kind,
            "road": road,
            "outcome": outcome,
            "unit": unit,
            "form": form,
            "period": period,
            "correlation_id": correlation,
        }
        before = None if after is None else entry_id(after)
        if after is not None and before is None:
            raise bad_filter(f"after {after!r}")
        size = size_of(limit)
        with self.unit(actor) as opened:
            found = messages.page(
                opened.connection,
                equal={name: value for name, value in equal.items() if value is not None},
                since=since,
                until=until,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                before=before,
                limit=size + 1,
            )
        views = [_view(row) for row in found[:size]]
        return MessagePage(messages=views, next=views[-1].id if len(found) > size else None)

    @rpc
    def read_message(self, actor: Actor, message_id: str) -> MessageDetail:
        """Read one message with what is kept of request and answer; a push's body while the journal has it. Raises
        NotFound("integration.no_message"), Forbidden."""
        actor.require("messages.read")
        number = entry_id(message_id)
        with self.unit(actor) as unit:
            row = None if number is None else messages.load(unit.connection, number)
            if row is None:
                raise NotFound("integration.no_message", f"no message {message_id}", "Không có thông điệp này.")
            _require(actor, row)
            request, response = messages.bodies(unit.connection, row.id)
            shown = _shown(request)
            if row.kind == "push" and request is None:
                shown = _pushed(unit.connection, row.id)
        return MessageDetail(message=_view(row), request=shown, response=_shown(response))

    @rpc
    def open_message_export(
        self, actor: Actor, since: datetime | None = None, until: datetime | None = None
    ) -> MessageExport:
        """Begin an export of all sealed messages of this time, whose head the audit trail notes. Raises
        NotFound("integration.no_messages") if there is none, Forbidden unless the actor sees all."""
        _require_all(actor)
        with self.unit(actor) as unit:
            found = messages.sealed_range(unit.connection, since, until)
            if found is None:
                raise NotFound(
                    "integration.no_messages",
                    "no sealed message of this time",
                    "Không có thông điệp nào trong thời gian này.",
                )
            first, last = found
            gone = messages.bodies_gone(unit.connection)
            head = Head(
                format=FORMAT,
                exported_at=instant(unit.now),
                since=None if since is None else instant(since),
                until=None if until is None else instant(until),
                first=first,
                last=last,
                previous=_hash(unit.connection, first - 1).hex(),
                head=_hash(unit.connection, last).hex(),
                bodies_since=_NEVER_GONE if gone is None else instant(gone),
            )
            unit.audit("messages.exported", f"{first}-{last}", {"first": first, "last": last, "head": head.head})
        return MessageExport(head=msgspec.json.encode(head).decode() + "\n", first=first, last=last)

    @rpc
    def read_message_export(self, actor: Actor, after: int, last: int) -> MessageExportPage:
        """Read the lines behind number `after`, up to `last`. Raises Conflict("integration.messages_gone") when
        retention has overtaken the export."""
        _require_all(actor)
        with self.unit(actor) as unit:
            previous = _hash(unit.connection, after)
            lines, number, size = [], after, 0
            for row in messages.sealed(unit.connection, after, last, PAGE_ENTRIES):
                lines.append(line_of(dict(row._mapping), previous, row.request, row.response))
                previous, number, size = bytes(row.hash), row.sealed_as, size + len(lines[-1])
                if size > PAGE_BYTES:
                    break
        done = number >= last or not lines
        return MessageExportPage(lines=b"".join(lines).decode(), next=None if done else number)


def _hash(connection: Connection, number: int) -> bytes:
    found = messages.hash_of(connection, number)
    if found is None:
        raise Conflict(
            "integration.messages_gone",
            f"message {number} has been let go",
            "Một phần nhật ký đã hết thời hạn lưu giữ trong khi kết xuất; hãy kết xuất lại.",
        )
    return found


def _require(actor: Actor, row: Row[Any]) -> None:
    actor.require("messages.read", unit=row.unit or EVERYWHERE, form=row.form or EVERYWHERE)


def _require_all(actor: Actor) -> None:
    actor.require("messages.read")
    if EVERYWHERE not in actor.units or EVERYWHERE not in actor.forms:
        raise Forbidden(
            "integration.export_needs_all",
            "the chain can be verified whole only",
            "Chỉ người được xem toàn bộ đơn vị và biểu mẫu mới kết xuất được nhật ký.",
        )


def _shown(packed: bytes | None) -> str | None:
    return None if packed is None else unpacked(bytes(packed)).decode(errors="replace").replace("\x00", "�")


def _pushed(connection: Connection, message: UUID) -> str | None:
    found = journal.body_if_kept(connection, message)
    if found is None:
        return None
    return masked_body(bytes(msgspec.json.decode(found, type=_Push).body)).decode(errors="replace")


class _Push(msgspec.Struct):
    body: msgspec.Raw


def _view(row: Row[Any]) -> MessageView:
    return MessageView(
        id=str(row.id),
        number=row.sealed_as,
        partner=row.partner,
        direction=row.direction,
        kind=row.kind,
        at=row.at,
        correlation_id=row.correlation_id,
        endpoint=row.endpoint,
        outcome=row.outcome,
        seconds=row.microseconds / 1_000_000,
        status=row.status,
        message_id=row.message_id,
        form=row.form,
        unit=row.unit,
        period=row.period,
        delivery=None if row.delivery is None else str(row.delivery),
        attempt=row.attempt,
        error=row.error,
        request_bytes=row.request_bytes,
        request_sha256=None if row.request_digest is None else bytes(row.request_digest).hex(),
        response_bytes=row.response_bytes,
        response_sha256=None if row.response_digest is None else bytes(row.response_digest).hex(),
        road=row.road,
        client=row.client,
    )
