"""Keeping the journal, and reading it for a service that is healed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.integration.domain.messages import Message, Outcome, Part
from services.integration.settings import integration_settings
from services.integration.storage import journal, sources
from services.integration.storage import messages as message_rows
from services.integration.storage.journal import Kept
from shared.contracts.events import CommandDone, PushAccepted
from shared.entrypoints import Received, every, handles
from shared.storage import Unit, UnitOfWork

JOURNAL_SECONDS = 600.0


class JournalKeeping:
    """The worker's part that keeps the journal."""

    unit: UnitOfWork

    @handles(PushAccepted, setwise=True)
    def on_push_accepted(self, unit: Unit, messages: list[Received[PushAccepted]]) -> None:
        """Keep pushes beside submissions' own work on them."""
        keep_pushes(unit, messages)

    @handles(CommandDone, setwise=True)
    def on_command_done(self, unit: Unit, messages: list[Received[CommandDone]]) -> None:
        """Keep what services were told to do and did."""
        keep_commands(unit, messages)

    @every(seconds=JOURNAL_SECONDS)
    def forget_old_entries(self) -> None:
        """Delete what no outbox could complete any more."""
        with self.unit() as unit:
            journal.forget(unit.connection, integration_settings().journal_days)


def keep_pushes(unit: Unit, messages: Sequence[Received[PushAccepted]]) -> None:
    """Keep these pushes for submissions, and log each: its body stands in the journal, once."""
    journal.keep(unit.connection, [_kept(message, "submissions") for message in messages])
    # What was pulled is in the log as the pages it came in: nobody has pushed it.
    message_rows.keep(unit.connection, [_pushed(message) for message in messages if message.data.origin == "push"])
    sources.note_clients(unit.connection, [(item.data.partner, item.data.client_id) for item in messages])


def keep_commands(unit: Unit, messages: Sequence[Received[CommandDone]]) -> None:
    """Keep these commands for the services that carried them out, under the time at which each was done."""
    kept = [_kept(message, message.data.service)._replace(at=message.data.done_at) for message in messages]
    journal.keep(unit.connection, kept)


class _Head(msgspec.Struct):
    form: str | None = None
    unit: str | None = None
    period: str | None = None


def _pushed(message: Received[PushAccepted]) -> Message:
    push = message.data
    call = push.call
    size, digest = len(bytes(push.body)), push.fingerprint
    if call is not None and call.request_bytes is not None and call.request_sha256 is not None:
        size, digest = call.request_bytes, call.request_sha256
    head = msgspec.json.decode(push.body, type=_Head)
    return Message(
        id=message.id,
        partner=push.partner,
        direction="in",
        kind="push",
        at=push.accepted_at,
        correlation_id=message.correlation_id,
        endpoint="/v1/data" if call is None else call.endpoint,
        outcome=Outcome.ANSWERED,
        seconds=0.0,
        status=202,
        message_id=push.receipt_id,
        form=head.form,
        unit=head.unit,
        period=head.period,
        request=Part(size=size, digest=bytes.fromhex(digest)),
        road="rest" if call is None else call.road,
        client=push.client_id,
    )


def _kept(message: Received[PushAccepted] | Received[CommandDone], service: str) -> Kept:
    body = msgspec.json.encode(message.data)
    return Kept(message.id, message.data.event, service, message.time, message.subject, message.correlation_id, body)
