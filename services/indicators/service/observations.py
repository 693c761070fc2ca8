"""Questions about the warehouse."""

from __future__ import annotations

from services.indicators.service.paging import bounded
from services.indicators.storage import warehouse
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views import ObservationPage, ObservationView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork


class ObservationCalls:
    """Values, one or many."""

    unit: UnitOfWork

    @rpc
    def find_observation(self, actor: Actor, indicator: str, unit: str, period: str) -> ObservationView:
        """Return the current value of an indicator for a unit and period.

        Raises NotFound("indicators.no_observation"), Forbidden where unit or form is out of the actor's scope.
        """
        actor.require("observations.read", unit=unit)
        with reading(self.unit.engine).connect() as connection:
            found = warehouse.find(connection, indicator, unit, period)
        if found is None:
            raise NotFound(
                "indicators.no_observation",
                f"there is no {indicator} of {unit} for {period}",
                f"Chưa có số liệu chính thức của chỉ tiêu {indicator}, đơn vị {unit}, kỳ {period}.",
            )
        actor.require("observations.read", form=found.form)
        return found

    @rpc
    def list_observations(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        indicator: str | None = None,
        period_from: str | None = None,
        period_to: str | None = None,
        as_of: int | None = None,
        after: str | None = None,
        limit: int = 500,
    ) -> ObservationPage:
        """Return values in order of (unit, period, indicator): the current ones, or those the warehouse held right
        after the batch `as_of`. What lies outside the actor's units and forms is left out; asked for by name it is
        refused."""
        actor.require("observations.read", unit=unit, form=form)
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = warehouse.page(
                connection,
                form=form,
                unit=unit,
                indicator=indicator,
                period_from=period_from,
                period_to=period_to,
                as_of=as_of,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                after=_cursor(after),
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return ObservationPage(
            observations=found[:limit], next=f"{last.unit}|{last.period}|{last.indicator}" if last else None
        )


def _cursor(after: str | None) -> tuple[str, str, str] | None:
    if after is None:
        return None
    parts = after.split("|")
    if len(parts) != 3:
        raise Invalid("indicators.bad_cursor", f"{after!r} is no cursor", "Con trỏ trang không hợp lệ.")
    return parts[0], parts[1], parts[2]
