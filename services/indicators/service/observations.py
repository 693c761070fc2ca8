"""Questions about the warehouse."""

from __future__ import annotations

from services.indicators.service.moments import resolved
from services.indicators.service.paging import bounded, cursor_key
from services.indicators.storage import moments, warehouse
from services.indicators.storage import organisation as organisations
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.warehouse import BatchPage, ObservationPage, ObservationView
from shared.entrypoints import rpc
from shared.errors import NotFound
from shared.storage import UnitOfWork


class ObservationCalls:
    """Values, one or many."""

    unit: UnitOfWork

    @rpc
    def find_observation(
        self, actor: Actor, indicator: str, unit: str, period: str, as_of: int | str | None = None
    ) -> ObservationView:
        """Return the value of an indicator for a unit and period: the current one, or as of then (`list_observations`).
        The unit is named by its id or by a code that it bore on the period's last day.

        Raises NotFound("indicators.no_observation"), Forbidden where unit or form is out of the actor's scope.
        """
        [unit] = organisations.meant(self.unit.engine, period, [unit])
        actor.require("observations.read", unit=unit)
        with reading(self.unit.engine).connect() as connection:
            if as_of is None:
                found = warehouse.find(connection, indicator, unit, period)
            else:
                batch = resolved(connection, as_of).shown
                found = warehouse.find_as_of(connection, indicator, unit, period, batch)
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
        as_of: int | str | None = None,
        after: str | None = None,
        limit: int = 500,
    ) -> ObservationPage:
        """Return values in order of (unit, period, indicator): the current ones, or those the warehouse held as of
        then: right after a batch (its number), at the end of a day in Vietnam ("2026-03-01"), before an instant (ISO
        8601 with its zone). Of what has passed the answer never changes later; a day that is not over, or a moment to
        come, is read as of now. What lies outside the actor's units and forms is left out; asked for by name it is
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
                as_of=None if as_of is None else resolved(connection, as_of).shown,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                after=cursor_key(after),
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return ObservationPage(
            observations=found[:limit], next=f"{last.unit}|{last.period}|{last.indicator}" if last else None
        )

    @rpc
    def list_batches(
        self,
        actor: Actor,
        form: str | None = None,
        unit: str | None = None,
        period: str | None = None,
        after: int | None = None,
        limit: int = 200,
    ) -> BatchPage:
        """Return what was recorded when, newest first: each batch with its number, time and submission, so that an
        `as_of` can be chosen and understood. Batches of units and forms out of the actor's scope are left out."""
        actor.require("observations.read", unit=unit, form=form)
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = moments.page(
                connection,
                form=form,
                unit=unit,
                period=period,
                units=None if EVERYWHERE in actor.units else actor.units,
                forms=None if EVERYWHERE in actor.forms else actor.forms,
                before=after,
                limit=limit + 1,
            )
        return BatchPage(batches=found[:limit], next=str(found[limit - 1].batch) if len(found) > limit else None)
