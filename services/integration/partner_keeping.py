"""The worker's part in administering partners: backfills, and the copy of what their documents are checked against."""

from __future__ import annotations

from services.integration import backfilling, intake
from shared.entrypoints import Remote, every
from shared.storage import UnitOfWork

CATALOGUE_CHECK_SECONDS = 60.0


class PartnerKeeping:
    """Timers that follow what administrators change."""

    unit: UnitOfWork
    remote: Remote

    @every(seconds=1)
    def work_backfills(self) -> None:
        """Plan what partners are due since their forms or mappings changed."""
        backfilling.work(self.unit)

    @every(seconds=CATALOGUE_CHECK_SECONDS, eager=True)
    def follow_catalogue(self) -> None:
        """Catch up with the catalogue where its event was missed, as in a database that is new or was restored."""
        newest = self.remote.call("catalogue_version", int)
        for replica in (intake.catalogue, intake.definitions):
            with self.unit() as unit:
                if newest > replica.version(unit.connection):
                    replica.refresh(unit, self.remote)
