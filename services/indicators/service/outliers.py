"""Scanning a year for values that are unusual in their series."""

from __future__ import annotations

import time
from functools import partial

from services.indicators.domain.outliers import Method, threshold_of
from services.indicators.service.paging import bounded
from services.indicators.storage import statistics
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.warehouse import OutlierPage, OutlierView
from shared.entrypoints import rpc
from shared.errors import Invalid
from shared.storage import UnitOfWork

PREPARING_SECONDS = 3.0
"""How long a scan computes statistics that are not kept yet; what it does not reach is told as `pending`."""


class OutlierCalls:
    """Values that someone should look at."""

    unit: UnitOfWork

    @rpc
    def scan_outliers(
        self,
        actor: Actor,
        year: int,
        method: Method = Method.MODIFIED_Z_SCORE,
        threshold: str | None = None,
        at_least: int = 5,
        unit: str | None = None,
        form: str | None = None,
        limit: int = 200,
    ) -> OutlierPage:
        """Return the values of all periods of a year that are unusual against the years before in their series (the
        same indicator, unit and kind of period), furthest first.

        `threshold` (decimal text) defaults to 3 for z_score, 3.5 for modified_z_score, 0 for min_max; series with fewer
        than `at_least` values before are not judged. `pending` counts series whose statistics were not ready: ask
        again. Raises Invalid("indicators.bad_threshold"), Invalid("indicators.bad_year").
        """
        actor.require("observations.read", unit=unit, form=form)
        if not 1000 <= year < 9999:
            raise Invalid("indicators.bad_year", f"{year} is no year", f"Năm {year} không hợp lệ.")
        bound = threshold_of(method, threshold)
        units = [unit] if unit is not None else None if EVERYWHERE in actor.units else list(actor.units)
        forms = [form] if form is not None else None if EVERYWHERE in actor.forms else list(actor.forms)
        scan = partial(
            statistics.scan,
            year=year,
            method=method,
            threshold=bound,
            at_least=max(2, at_least),
            units=units,
            forms=forms,
            limit=bounded(limit),
        )
        pending = 0
        with reading(self.unit.engine).connect() as connection:
            found = scan(connection, unjudged=True)
        if found is None:
            pending = self._prepared(year)
            with reading(self.unit.engine).connect() as connection:
                found = scan(connection, unjudged=False)
        outliers = [OutlierView(**item._asdict()) for item in found or ()]
        return OutlierPage(year=year, method=method, threshold=f"{bound:f}", pending=pending, outliers=outliers)

    def _prepared(self, year: int) -> int:
        """Compute what is lacking for this year, unit by unit, for a while; return how many series still lack it."""
        with reading(self.unit.engine).connect() as connection:
            missing = statistics.lacking(connection, year)
        end = time.monotonic() + PREPARING_SECONDS
        while missing and time.monotonic() < end:
            with self.unit() as work:
                statistics.keep(work.connection, year, next(iter(missing)))
            del missing[next(iter(missing))]
        return sum(missing.values())
