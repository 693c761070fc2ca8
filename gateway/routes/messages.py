"""The log of messages with other systems: searched, read, and exported to a file that is verified offline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import messages as examples
from gateway.routes import After, Id, Limit, reply
from gateway.routes.bodies import Moment
from shared.contracts.views.messages import MessageDetail, MessageExport, MessageExportPage, MessagePage

router = APIRouter(tags=["federation"])
Reader = Annotated[Caller, requires("messages.read")]
Since = Annotated[Moment | None, Query(alias="from", description="not before this instant")]
Until = Annotated[Moment | None, Query(alias="to", description="before this instant")]
MessageOutcome = Literal["answered", "refused", "failed", "no_connection", "timeout", "broken", "interrupted"]
Road = Literal["rest", "soap", "xroad-rest", "xroad-soap"]
EXPORT_TIMEOUT_SECONDS = 60.0
_TYPE = "application/x-ndjson"
_begun = msgspec.json.Decoder(MessageExport).decode
_page = msgspec.json.Decoder(MessageExportPage).decode


@router.get("/v1/messages", **documented("Search the message log", MessagePage, examples.MESSAGES))
async def list_messages(
    caller: Reader,
    partner: Id | None = None,
    direction: Literal["in", "out"] | None = None,
    kind: Id | None = None,
    road: Road | None = None,
    outcome: MessageOutcome | None = None,
    unit: Id | None = None,
    form: Id | None = None,
    period: Id | None = None,
    correlation_id: Id | None = None,
    since: Since = None,
    until: Until = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List messages to and from other systems, newest first, without their bodies."""
    return reply(
        await caller.ask(
            "integration",
            "list_messages",
            partner=partner,
            direction=direction,
            kind=kind,
            road=road,
            outcome=outcome,
            unit=unit,
            form=form,
            period=period,
            correlation=correlation_id,
            since=_text(since),
            until=_text(until),
            after=after,
            limit=limit,
        )
    )


def _exported() -> dict[str, Any]:
    told = documented("Export the message log", None, examples.EXPORT)
    told["responses"][200]["content"] = {_TYPE: {"schema": {"type": "string"}, "example": examples.EXPORT}}
    return {**told, "response_class": Response}


@router.get("/v1/messages/export", **_exported())
async def export_messages(caller: Reader, since: Since = None, until: Until = None) -> Response:
    """Export all sealed messages of a time as one file, a JSON object per line, for `hub log verify`. Needs a scope
    over all units and forms: only a whole chain can be verified."""
    begun = _begun(await caller.ask("integration", "open_message_export", since=_text(since), until=_text(until)))
    # The first page is asked for before anything is answered: a refusal is still a problem.
    first = await _asked(caller, begun.first - 1, begun.last)
    name = f"messages-{begun.first}-{begun.last}.jsonl"
    return StreamingResponse(
        _pages(caller, begun, first),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        media_type=_TYPE,
    )


@router.get("/v1/messages/{message_id}", **documented("Read a message", MessageDetail, examples.MESSAGE_DETAIL))
async def read_message(message_id: Id, caller: Reader) -> Response:
    """Read a message with what is kept of request and answer: secrets are masked, long bodies are cut."""
    return reply(await caller.ask("integration", "read_message", message_id=message_id))


async def _pages(caller: Caller, begun: MessageExport, page: MessageExportPage) -> AsyncIterator[bytes]:
    yield begun.head.encode()
    while True:
        yield page.lines.encode()
        if page.next is None:
            return
        # A page that fails cuts the answer off; verifying then names what is missing.
        page = await _asked(caller, page.next, begun.last)


async def _asked(caller: Caller, after: int, last: int) -> MessageExportPage:
    return _page(
        await caller.ask(
            "integration", "read_message_export", timeout_seconds=EXPORT_TIMEOUT_SECONDS, after=after, last=last
        )
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
