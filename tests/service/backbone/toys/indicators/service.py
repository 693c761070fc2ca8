"""The other side of the toy's calls, and a set-wise handler."""

from __future__ import annotations

import eventlet

from shared.entrypoints import Described, rpc
from shared.errors import Forbidden
from shared.logs import correlation
from shared.storage import UnitOfWork


class IndicatorsService(Described):
    name = "indicators"
    unit = UnitOfWork()

    @rpc
    def correlation(self) -> str:
        """Return the correlation id."""
        return correlation.get()

    @rpc
    def forbid(self) -> str:
        """Forbid."""
        raise Forbidden("toy.forbidden", "as asked", None)

    @rpc
    def dawdle(self) -> str:
        """Take too long."""
        eventlet.sleep(3)
        return "late"
