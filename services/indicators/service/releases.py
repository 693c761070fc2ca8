"""For services that keep a copy of what is approved: what there is, and telling it again."""

from __future__ import annotations

from services.indicators.recording import tell
from services.indicators.service.paging import bounded
from services.indicators.storage import releases, warehouse
from services.indicators.storage.tables import reading
from shared.contracts.actor import Actor
from shared.contracts.views.warehouse import ReleasePage
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import UnitOfWork
from shared.topology import CONSUMERS, queue_name

MAX_REPEATED = 5_000
_EVENT = "observations_recorded"


class ReleaseCalls:
    """Versions of (form, unit, period), by the batch that made them."""

    unit: UnitOfWork

    @rpc
    def list_releases(self, actor: Actor, after: str | None = None, limit: int = 500) -> ReleasePage:
        """Return the newest versions of all (form, unit, period) in the order in which they were recorded; one that
        gets a new version moves to the end, so a reader need never go back. Actors within a scope are refused."""
        _require_everything(actor)
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = releases.page(connection, _place(after), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return ReleasePage(releases=found[:limit], next=last.cursor if last else None)

    @rpc
    def repeat_releases(self, actor: Actor, to: str, releases: list[tuple[str, str, str]]) -> int:
        """Tell the newest version of these (form, unit, period) again, to one service alone; return how many there
        were. Raises Invalid("indicators.no_reader") for a service that does not listen, ("indicators.too_many")."""
        _require_everything(actor)
        if to not in CONSUMERS[_EVENT]:
            raise Invalid("indicators.no_reader", f"{to} takes no observations", "Dịch vụ này không nhận số liệu.")
        if len(releases) > MAX_REPEATED:
            raise Invalid("indicators.too_many", f"at most {MAX_REPEATED} at once", "Yêu cầu quá nhiều cùng lúc.")
        told = 0
        with self.unit(actor) as unit:
            for form, about, period in releases:
                release = warehouse.releases_of(unit.connection, [form], about, period).get(form)
                if release is not None:
                    content = warehouse.content(unit.connection, form, about, period, release.batch)
                    tell(unit, release, content, queue=queue_name(to, _EVENT))
                    told += 1
            unit.audit("observations.repeated", f"to/{to}", {"releases": told})
        return told


def _require_everything(actor: Actor) -> None:
    actor.require("observations.read", unit="*", form="*")


def _place(after: str | None) -> tuple[int, str, str, str]:
    parts = ["0", "", "", ""] if after is None else after.split("|")
    if len(parts) != 4 or not (parts[0].isascii() and parts[0].isdigit()):
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return int(parts[0]), parts[1], parts[2], parts[3]
