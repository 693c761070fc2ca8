"""Keeping the message log: calls of other systems as the gateway tells them, and its retention. What else enters it is
written where it is caused; the relay seals it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from uuid import UUID

from sqlalchemy import Connection

from services.integration import intake
from services.integration.domain.masking import masked_address
from services.integration.domain.messages import Message, Part
from services.integration.domain.partners import Partner
from services.integration.settings import integration_settings
from services.integration.storage import messages
from services.integration.storage import partners as partner_rows
from shared.contracts.events import AnsweredCall, CallsAnswered
from shared.entrypoints import Received, every, handles
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork

RETENTION_SECONDS = 600.0


class MessageLogKeeping:
    """The worker's part that keeps what others asked the hub, and lets old bodies and entries go."""

    unit: UnitOfWork

    @handles(CallsAnswered, setwise=True)
    def on_calls_answered(self, unit: Unit, messages: list[Received[CallsAnswered]]) -> None:
        """Log calls of other systems."""
        keep_calls(unit.connection, [call for message in messages for call in message.data.calls])

    @every(seconds=RETENTION_SECONDS)
    def forget_old_messages(self) -> None:
        """Delete bodies, and later the chain's beginning, when their time is over."""
        settings = integration_settings()
        with self.unit() as unit:
            messages.forget_bodies(unit.connection, settings.message_bodies_days)
        with self.unit() as unit:
            messages.forget(unit.connection, settings.messages_days)


def keep_calls(connection: Connection, calls: Sequence[AnsweredCall]) -> None:
    """Log these calls under the hub's own units and periods, as far as the caller's codes mean any."""
    partner = cache(lambda name: partner_rows.find(connection, name))
    messages.keep(connection, [_asked(connection, call, partner) for call in calls])


def _asked(connection: Connection, call: AnsweredCall, partner: Callable[[str], Partner | None]) -> Message:
    return Message(
        id=UUID(call.id),
        partner=call.partner,
        direction="in",
        kind=call.kind,
        at=call.at,
        correlation_id=call.correlation_id,
        endpoint=masked_address(call.endpoint),
        outcome=call.outcome,
        seconds=call.microseconds / 1_000_000,
        status=call.status,
        message_id=call.message_id,
        form=call.form,
        unit=_unit(connection, call, partner),
        period=call.period,
        error=call.code,
        request=Part(size=call.request_bytes, digest=bytes.fromhex(call.request_sha256)),
        response=Part(size=call.response_bytes, digest=bytes.fromhex(call.response_sha256)),
        road=call.road,
        client=call.client_id,
    )


def _unit(connection: Connection, call: AnsweredCall, partner: Callable[[str], Partner | None]) -> str | None:
    """Return the hub's unit that the call names; of what its own system is to hold it names the partner's code."""
    known = None if call.unit is None or call.store == "warehouse" else partner(call.partner)
    if known is None or call.unit is None or call.period is None:
        return call.unit
    try:
        return known.mapping.at(call.period).hub_unit(call.unit, call.period, intake.organisation(connection))
    except Invalid:  # no period: the call was refused for it
        return call.unit
