"""The copy of the catalogue that this service keeps, compiled once per version and process."""

from __future__ import annotations

from sqlalchemy import Connection

from services.submissions.domain.catalogue import Catalogue, compile_catalogue
from shared.errors import Unavailable
from shared.replica import Replica, Snapshot

replica = Replica("indicators", ("unit", "measure", "dimension", "indicator", "form", "regime", "calendar_day"))

_compiled: dict[int, tuple[Snapshot, Catalogue]] = {}


def current(connection: Connection) -> Catalogue:
    """Return the catalogue. Raises Unavailable("submissions.no_catalogue") while none has arrived yet: nothing can
    be judged without it, and nobody's figures are refused for our ignorance."""
    catalogue = arrived(connection)
    if catalogue is None:
        raise Unavailable(
            "submissions.no_catalogue",
            "the catalogue has not arrived yet",
            "Danh mục chưa được đồng bộ, xin thử lại sau.",
        )
    return catalogue


def arrived(connection: Connection) -> Catalogue | None:
    """Return the catalogue, None while none has arrived yet."""
    snapshot = replica.cached(connection)
    if snapshot.version == 0:
        return None
    held = _compiled.get(0)
    if held is None or held[0] is not snapshot:
        held = _compiled[0] = (snapshot, compile_catalogue(snapshot.version, snapshot.entries))
    return held[1]


def current_as_of(connection: Connection, period: str) -> Catalogue:
    """Return the catalogue with every indicator as it was defined at the end of this period."""
    catalogue = current(connection)
    known = catalogue.period(period)
    return catalogue if known is None else catalogue.as_of(known)
