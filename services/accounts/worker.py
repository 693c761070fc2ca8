"""The accounts service's timer."""

from __future__ import annotations

from services.accounts import storage
from shared.entrypoints import every
from shared.storage import UnitOfWork


class AccountsWorker:
    """Forgets failed attempts that are old."""

    name = "accounts.worker"
    unit = UnitOfWork()

    @every(seconds=3600, eager=True)
    def forget_old_failures(self) -> None:
        """Drop what is remembered of failed attempts after a day."""
        with self.unit() as unit:
            storage.forget_old_failures(unit.connection, unit.now)
