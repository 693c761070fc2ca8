"""Working off jobs over dead letters: in batches at the job's rate, each batch one transaction.

A job's list was frozen when it began and shrinks by what a batch has done, so that a worker killed anywhere takes it up
where it was committed, and a letter that dies again is not replayed a second time by the same job.
"""

from __future__ import annotations

from services.integration.storage import dead_letter_jobs as jobs
from services.integration.storage import dead_letters
from shared.entrypoints import every
from shared.failpoints import failpoint
from shared.logs import logger
from shared.storage import Unit, UnitOfWork

log = logger(__name__)

BATCH = 200
TICK_SECONDS = 0.5


class DeadLetterKeeping:
    """The worker's part that works off jobs."""

    unit: UnitOfWork

    @every(seconds=TICK_SECONDS)
    def work_dead_letter_jobs(self) -> None:
        """Take every unfinished job a batch further."""
        with self.unit() as unit:
            unfinished = jobs.unfinished(unit.connection)
        for job in unfinished:
            work(self.unit, job)


def work(unit_of_work: UnitOfWork, job: int) -> None:
    """Take a job a batch further."""
    with unit_of_work() as unit:
        count = work_batch(unit, job)
        if count:
            failpoint("letters.before_commit")
    if count:
        failpoint("letters.after_commit")
        log.info("dead_letters.worked", job=job, letters=count)


def work_batch(unit: Unit, job_id: int) -> int:
    """Replay or discard as many letters as the job's rate allows since its last batch; return how many that were."""
    job = jobs.claim(unit.connection, job_id)
    if job is None:
        return 0
    since = job.worked_at or job.started_at
    room = min(BATCH, int(job.rate * min(1.0, (unit.now - since).total_seconds())))
    if room < 1:
        return 0
    own = unit.about(job.correlation_id)
    letters = jobs.take(unit.connection, job.id, room)
    still_dead = dead_letters.lock_dead(unit.connection, letters)
    skipped, waiting = len(letters) - len(still_dead), 0
    if job.action == "replay":
        ready = dead_letters.sendable(unit.connection, still_dead)
        jobs.put_back(unit.connection, job.id, sorted(set(still_dead) - set(ready)))
        waiting, still_dead = len(still_dead) - len(ready), ready
        dead_letters.replay(unit.connection, still_dead, job.requested_by, unit.now, job.id)
    else:
        dead_letters.discard(unit.connection, still_dead, job.requested_by, unit.now, job.reason or "", job.id)
    for letter in still_dead:
        own.audit(f"dead_letter.{job.action}ed", str(letter), {"job": job.id, "by": job.requested_by})
    jobs.count(unit.connection, job.id, done=len(still_dead), skipped=skipped, at=unit.now)
    if len(letters) < room and not waiting:
        ended = jobs.end(unit.connection, job.id, "finished")
        own.audit("dead_letter_job.finished", str(job.id), {"done": ended.done, "skipped": ended.skipped})
    return len(letters) - waiting
