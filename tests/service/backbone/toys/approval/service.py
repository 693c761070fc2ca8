"""Calls of every outcome."""

from __future__ import annotations

from datetime import datetime

from shared.contracts.actor import Actor
from shared.contracts.views.approval import CaseView
from shared.entrypoints import Described, Remote, rpc
from shared.errors import Conflict, NotFound
from shared.logs import correlation
from shared.storage import UnitOfWork


class ApprovalService(Described):
    name = "approval"
    unit = UnitOfWork()
    remote = Remote("indicators")

    @rpc
    def read_case(self, actor: Actor, case_id: str, at: datetime, reasons: list[str] | None = None) -> CaseView:
        """Return a case made up from the arguments."""
        if not isinstance(actor, Actor) or not isinstance(at, datetime):
            raise TypeError("arguments were not converted")
        return CaseView(
            id=case_id,
            submission_id="s",
            round=1,
            content_hash="h",
            form="f",
            unit="u",
            agency="a",
            period="2016",
            state="open",
            submitted_by=actor.id,
            submitted_at=at,
            reasons=[{"text": r} for r in reasons or []],
        )

    @rpc
    def refuse(self, detail: str | None = None) -> None:
        """Refuse."""
        raise Conflict("toy.conflict", "as asked", detail, {"round": 3})

    @rpc
    def fail(self) -> None:
        """Fail."""
        raise ZeroDivisionError("as asked")

    @rpc
    def sleep(self, seconds: float) -> float:
        """Let the database sleep."""
        with self.unit() as unit:
            unit.connection.exec_driver_sql("SELECT pg_sleep(%s)", (seconds,))
        return seconds

    @rpc
    def ask(self, method: str, within: float = 5.0) -> str:
        """Ask the other toy."""
        return self.remote.call(method, str, timeout_seconds=within)

    @rpc
    def correlation(self) -> str:
        """Return the correlation id."""
        return correlation.get()

    @rpc
    def count(self) -> int:
        """Count an effect."""
        with self.unit() as unit:
            unit.connection.exec_driver_sql("INSERT INTO ticks DEFAULT VALUES")
        raise NotFound("toy.rolled_forward")
