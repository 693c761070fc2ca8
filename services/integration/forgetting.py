"""Letting go, once a day, of what comparisons leave behind: settled differences, comparisons that no report needs any
more, and what earlier versions of ours said."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from services.integration.settings import IntegrationSettings, integration_settings
from services.integration.storage import differences, reconciliations
from shared.entrypoints import every
from shared.storage import UnitOfWork

DAILY_SECONDS = 86_400.0
_AT_ONCE = 5_000


class ComparisonKeeping:
    """The worker's part that keeps comparisons and differences for as long as settings say."""

    unit: UnitOfWork

    @every(seconds=DAILY_SECONDS, eager=True)
    def forget_old_comparisons(self) -> None:
        """Delete what is older than settings say; see the module."""
        forget(self.unit, integration_settings())


def forget(unit_of_work: UnitOfWork, settings: IntegrationSettings) -> None:
    """Delete what is older, in transactions that stay short. Kept are the comparisons that reports show as the trend,
    each last proof of equality, and those that last saw a difference which is not settled."""
    steps: tuple[tuple[Callable[[Connection, int, int], int], int], ...] = (
        (differences.forget, settings.differences_days),
        (reconciliations.forget, settings.differences_days),
        (differences.forget_earlier, settings.earlier_days),
    )
    for step, days in steps:
        deleted = _AT_ONCE
        while deleted == _AT_ONCE:
            with unit_of_work() as unit:
                deleted = step(unit.connection, days, _AT_ONCE)
