"""Replaying and discarding many dead letters at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.responses import Response

from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.examples import dead_letters as examples
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body, Moment
from shared.contracts.views.integration import DeadLetterJobPage, DeadLetterJobView

router = APIRouter(tags=["dead letters"])
Reader = Annotated[Caller, requires("dead_letters.read")]
Operator = Annotated[Caller, requires("dead_letters.replay")]
JOB = "/v1/dead-letters/jobs/{job_id}"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this order among all of yours: repeated, it answers the same job.",
    ),
]


class Letters(Body):
    """Which dead letters: all that match every field given. `error` is looked for in the error's text. `expected`: do
    nothing unless so many match. `rate`: at most so many a second."""

    queue: Id | None = None
    event: Id | None = None
    error: Annotated[str, plain_text(500)] | None = None
    died_after: Moment | None = None
    died_before: Moment | None = None
    expected: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    rate: Annotated[int, Field(ge=1, le=1_000)] = 50


class LettersToDiscard(Letters):
    """Which dead letters to give up, and why."""

    reason: Annotated[str, plain_text(2000)]


@router.post(
    "/v1/dead-letters/replays",
    **documented("Replay many", DeadLetterJobView, examples.RUNNING, status=202, body=examples.ORDER),
)
async def replay_many(letters: Letters, caller: Operator, key: Key = None) -> Response:
    """Start replaying all dead letters that match now, each once and under its own id. The same order while one runs
    answers that one. First look: `GET /v1/dead-letters` with the same filter tells how many match."""
    return await _start(caller, "replay", letters, key)


@router.post(
    "/v1/dead-letters/discards",
    **documented(
        "Discard many",
        DeadLetterJobView,
        {**examples.RUNNING, "action": "discard", "reason": "Tin thử nghiệm."},
        status=202,
        body={**examples.ORDER, "reason": "Tin thử nghiệm."},
    ),
)
async def discard_many(letters: LettersToDiscard, caller: Operator, key: Key = None) -> Response:
    """Start giving up all dead letters that match now; the reason is kept with each."""
    return await _start(caller, "discard", letters, key, letters.reason)


@router.get("/v1/dead-letters/jobs", **documented("List jobs", DeadLetterJobPage, examples.JOBS))
async def list_jobs(caller: Reader, after: After = None, limit: Limit = 50) -> Response:
    """List replays and discardings of many, newest first."""
    return reply(await caller.ask("integration", "list_dead_letter_jobs", after=after, limit=limit))


@router.get(JOB, **documented("Read a job", DeadLetterJobView, examples.JOB))
async def read_job(job_id: Id, caller: Reader) -> Response:
    """Read how far a job is."""
    return reply(await caller.ask("integration", "read_dead_letter_job", job_id=job_id))


@router.post(JOB + "/stop", **documented("Stop a job", DeadLetterJobView, examples.STOPPED))
async def stop_job(job_id: Id, caller: Operator) -> Response:
    """Stop a job after the batch in hand; what is left stays dead."""
    return reply(await caller.ask("integration", "stop_dead_letter_job", job_id=job_id))


async def _start(caller: Caller, action: str, letters: Letters, key: str | None, reason: str | None = None) -> Response:
    answer = await caller.ask(
        "integration",
        "start_dead_letter_job",
        action=action,
        queue=letters.queue,
        event=letters.event,
        error=letters.error,
        died_after=letters.died_after,
        died_before=letters.died_before,
        reason=reason,
        rate=letters.rate,
        expected=letters.expected,
        key=key,
    )
    return reply(answer, 202)
