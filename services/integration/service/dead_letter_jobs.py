"""Replaying and discarding many dead letters: asked for here, worked off by the worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from services.integration.service.paging import bad_filter, id_of, number_of, size_of
from services.integration.storage import dead_letter_jobs as jobs
from services.integration.storage.dead_letters import DEAD, Filter
from shared.contracts.actor import Actor
from shared.contracts.views.integration import DeadLetterJobPage, DeadLetterJobView
from shared.entrypoints import rpc
from shared.errors import Conflict, Invalid, NotFound
from shared.storage import Unit, UnitOfWork

ACTIONS = ("replay", "discard")
RATE = 50
MAX_RATE = 1_000


class DeadLetterJobCalls:
    """Many dead letters at once: exactly those that matched when it was asked for."""

    unit: UnitOfWork

    @rpc
    def start_dead_letter_job(
        self,
        actor: Actor,
        action: str,
        queue: str | None = None,
        event: str | None = None,
        error: str | None = None,
        died_after: datetime | None = None,
        died_before: datetime | None = None,
        reason: str | None = None,
        rate: int = RATE,
        expected: int | None = None,
        key: str | None = None,
    ) -> DeadLetterJobView:
        """Replay or discard all dead letters that match now, at most `rate` a second; poll `read_dead_letter_job`.

        The same `key` answers the same job, however often; the same action on the same filter the one that runs.
        Raises Invalid("integration.bad_filter"), Invalid("integration.reason_missing") for a discarding without a
        reason, Conflict("integration.count_differs") if not as many match as are `expected`.
        """
        actor.require("dead_letters.replay")
        if action not in ACTIONS or not 1 <= rate <= MAX_RATE:
            raise bad_filter(f"action {action!r}, rate {rate}")
        told = (reason or "").strip() or None
        if action == "discard" and told is None:
            raise Invalid("integration.reason_missing", "a reason is needed", "Phải nêu lý do hủy bỏ.")
        wanted = Filter(
            queue=queue, event=event, error=error, state=DEAD, died_after=died_after, died_before=died_before
        )
        with self.unit(actor) as unit:
            job, new = jobs.begin(
                unit.connection,
                action,
                wanted,
                reason=told,
                by=actor.id,
                key=key,
                correlation_id=unit.correlation_id,
                rate=rate,
            )
            if new and expected is not None and job.matched != expected:
                raise Conflict(
                    "integration.count_differs",
                    f"{job.matched} match by now, {expected} were expected",
                    "Số thông điệp phù hợp đã thay đổi; hãy xem lại.",
                )
            if new:
                about = {"action": action, "filter": job.wanted, "matched": job.matched, "reason": told}
                unit.audit("dead_letter_job.started", str(job.id), about)
            if new and not job.matched:
                job = jobs.end(unit.connection, job.id, "finished")
            return _view(unit, job)

    @rpc
    def read_dead_letter_job(self, actor: Actor, job_id: str) -> DeadLetterJobView:
        """Read how far a job is. Raises NotFound("integration.no_job")."""
        actor.require("dead_letters.read")
        with self.unit(actor) as unit:
            return _view(unit, _job(jobs.load(unit.connection, id_of(job_id)), job_id))

    @rpc
    def list_dead_letter_jobs(self, actor: Actor, after: str | None = None, limit: int = 50) -> DeadLetterJobPage:
        """List jobs, newest first."""
        actor.require("dead_letters.read")
        size = size_of(limit)
        with self.unit(actor) as unit:
            rows = jobs.page(unit.connection, number_of(after), size + 1)
            again = jobs.died_again(unit.connection, [row.id for row in rows])
        views = [_seen(row, again.get(row.id, 0)) for row in rows[:size]]
        return DeadLetterJobPage(jobs=views, next=views[-1].id if len(rows) > size else None)

    @rpc
    def stop_dead_letter_job(self, actor: Actor, job_id: str) -> DeadLetterJobView:
        """Stop a job after the batch in hand; what is left stays dead. One that is finished is answered as it stands.

        Raises NotFound("integration.no_job").
        """
        actor.require("dead_letters.replay")
        with self.unit(actor) as unit:
            job = _job(jobs.lock(unit.connection, id_of(job_id)), job_id)
            if job.finished_at is None:
                job = jobs.end(unit.connection, job.id, "stopped", actor.id)
                unit.audit("dead_letter_job.stopped", str(job.id), {"done": job.done, "matched": job.matched})
            return _view(unit, job)


def _job(row: Row[Any] | None, job_id: str) -> Row[Any]:
    if row is None:
        raise NotFound("integration.no_job", f"no job {job_id}", "Không có đợt xử lý này.")
    return row


def _view(unit: Unit, row: Row[Any]) -> DeadLetterJobView:
    return _seen(row, jobs.died_again(unit.connection, [row.id]).get(row.id, 0))


def _seen(row: Row[Any], again: int) -> DeadLetterJobView:
    return DeadLetterJobView(
        id=str(row.id),
        action=row.action,
        state=row.state,
        filter={name: value for name, value in row.wanted.items() if name != "state"},
        reason=row.reason,
        requested_by=row.requested_by,
        rate=row.rate,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stopped_by=row.stopped_by,
        matched=row.matched,
        done=row.done,
        skipped=row.skipped,
        left=row.matched - row.done - row.skipped,
        died_again=again,
    )
