"""The notifications service as callers see it: one's inbox."""

from __future__ import annotations

from services.notifications import storage
from services.notifications.storage import Entry
from shared.contracts.actor import Actor
from shared.contracts.views.everyday import InboxEntry, InboxPage
from shared.entrypoints import Described, rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

MAX_PAGE = 200


class NotificationsService(Described):
    """Inboxes: what concerns the actor by agency, rights and scope."""

    name = "notifications"
    unit = UnitOfWork()

    @rpc
    def list_inbox(
        self, actor: Actor, unread_only: bool = False, after: str | None = None, limit: int = 50
    ) -> InboxPage:
        """List the actor's notifications, newest first, and how many are unread in all.

        Raises Forbidden("accounts.right_missing"), Invalid("notifications.bad_cursor").
        """
        actor.require("inbox.read")
        if after is not None and not _is_id(after):
            raise Invalid("notifications.bad_cursor", f"{after!r} is no cursor", "Vị trí trang không hợp lệ.")
        with self.unit(actor) as unit:
            found, cursor = storage.page(
                unit.connection,
                actor,
                unread_only=unread_only,
                before=None if after is None else int(after),
                limit=max(1, min(limit, MAX_PAGE)),
            )
            unread = storage.unread(unit.connection, actor)
        return InboxPage(
            entries=[view(entry) for entry in found], unread=unread, next=None if cursor is None else str(cursor)
        )

    @rpc
    def mark_read(self, actor: Actor, entry_id: str) -> InboxEntry:
        """Note that the actor has read an entry; others' marks stay theirs. Repeating it changes nothing.

        Raises NotFound("notifications.no_entry") if there is none for this actor.
        """
        actor.require("inbox.read")
        with self.unit(actor) as unit:
            entry = storage.find(unit.connection, actor, int(entry_id)) if _is_id(entry_id) else None
            if entry is None:
                raise NotFound("notifications.no_entry", f"no entry {entry_id}", "Không có thông báo này.")
            storage.mark(unit.connection, actor, entry.id, unit.now)
        return view(entry, read=True)


def view(entry: Entry, *, read: bool | None = None) -> InboxEntry:
    """Return the entry as its reader sees it."""
    return InboxEntry(
        id=str(entry.id),
        at=entry.at,
        title=entry.notice.title,
        text=entry.notice.text,
        subject=entry.notice.subject,
        link=entry.notice.link,
        read=entry.read if read is None else read,
    )


def _is_id(text: str) -> bool:
    # ASCII digits that fit a bigint: int() also takes other scripts' digits, PostgreSQL refuses longer ones.
    return text.isascii() and text.isdecimal() and len(text) <= 18
