"""For integration, which compares sources with the hub: what was received from them, cell by cell."""

from __future__ import annotations

from services.submissions.storage import received
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.sources import ReceivedPage
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import UnitOfWork

MAX_PAGE = 2_000
MAX_KEYS = 200
_SEPARATOR = "|"


class ReceivedCalls:
    """What sources sent and what became of it."""

    unit: UnitOfWork

    @rpc
    def list_received(
        self, actor: Actor, clients: list[str], after: str | None = None, limit: int = MAX_PAGE
    ) -> ReceivedPage:
        """Return the cells within the actor's scope in which pushes of these clients may have a part: they brought the
        value, or wait beside it as a conflict, or a person entered it over a push."""
        actor.require("submissions.read")
        size = max(1, min(limit, MAX_PAGE))
        with self.unit(actor) as unit:
            found = received.parts(
                unit.connection,
                clients,
                None if EVERYWHERE in actor.units else actor.units,
                None if EVERYWHERE in actor.forms else actor.forms,
                _place(after),
                size + 1,
            )
        last = found[size - 1] if len(found) > size else None
        following = None if last is None else _SEPARATOR.join((last.form, last.unit, last.period, last.indicator))
        return ReceivedPage(cells=found[:size], next=following)

    @rpc
    def read_received(self, actor: Actor, clients: list[str], keys: list[tuple[str, str, str]]) -> ReceivedPage:
        """Return all cells of these (form, unit, period), at most 200, whoever they come from. Raises
        Invalid("submissions.too_many_keys"), Forbidden for what lies outside the actor's scope."""
        actor.require("submissions.read")
        if len(keys) > MAX_KEYS:
            raise Invalid("submissions.too_many_keys", f"at most {MAX_KEYS} at once", "Yêu cầu quá nhiều cùng lúc.")
        for form, about, _ in keys:
            actor.require("submissions.read", unit=about, form=form)
        with self.unit(actor) as unit:
            return ReceivedPage(cells=[cell for key in keys for cell in received.of_key(unit.connection, clients, key)])


def _place(after: str | None) -> received.Place:
    parts = ["", "", "", ""] if after is None else after.split(_SEPARATOR)
    if len(parts) != 4:
        raise Invalid("submissions.cursor", f"{after!r} is no cursor of this list", "Vị trí trang không hợp lệ.")
    return parts[0], parts[1], parts[2], parts[3]
