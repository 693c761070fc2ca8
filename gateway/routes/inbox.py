"""A person's notifications."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, reply
from shared.contracts.views.everyday import InboxEntry, InboxPage

router = APIRouter(tags=["inbox"])
Reader = Annotated[Caller, requires("inbox.read")]


@router.get("/v1/inbox", **documented("List notifications", InboxPage, examples.INBOX))
async def list_inbox(caller: Reader, unread_only: bool = False, after: After = None, limit: Limit = 50) -> Response:
    """List one's notifications, newest first."""
    return reply(await caller.ask("notifications", "list_inbox", unread_only=unread_only, after=after, limit=limit))


@router.post(
    "/v1/inbox/{entry_id}/read",
    **documented("Mark as read", InboxEntry, {**examples.INBOX["entries"][0], "read": True}),
)
async def mark_read(entry_id: Id, caller: Reader) -> Response:
    """Mark one notification as read. Doing so again changes nothing."""
    return reply(await caller.ask("notifications", "mark_read", entry_id=entry_id))
