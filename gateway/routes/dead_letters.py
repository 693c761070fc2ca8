"""Messages that no retry can help: looking at them, replaying and discarding them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway import examples
from gateway.auth import Caller, requires
from gateway.documentation import documented
from gateway.routes import After, Id, Limit, plain_text, reply
from gateway.routes.bodies import Body, Moment
from shared.contracts.views.integration import DeadLetterPage, DeadLetterView

router = APIRouter(tags=["dead letters"])
Reader = Annotated[Caller, requires("dead_letters.read")]
Operator = Annotated[Caller, requires("dead_letters.replay")]
ErrorText = Annotated[str, plain_text(500)]
LETTER = "/v1/dead-letters/{dead_letter_id}"


class Discarding(Body):
    """Why a dead letter needs no replay."""

    reason: Annotated[str, plain_text(2000)]


@router.get("/v1/dead-letters", **documented("List dead letters", DeadLetterPage, examples.DEAD_LETTERS))
async def list_dead_letters(
    caller: Reader,
    queue: Id | None = None,
    state: Literal["dead", "replayed", "discarded"] | None = None,
    event: Id | None = None,
    error: Annotated[ErrorText | None, Query(description="looked for in the error's text")] = None,
    died_after: Annotated[Moment | None, Query(description="died at this instant or later")] = None,
    died_before: Annotated[Moment | None, Query(description="died before this instant")] = None,
    after: After = None,
    limit: Limit = 50,
) -> Response:
    """List dead letters, newest first, with the number that match in all: what a replay of many would do."""
    return reply(
        await caller.ask(
            "integration",
            "list_dead_letters",
            queue=queue,
            state=state,
            event=event,
            error=error,
            died_after=died_after,
            died_before=died_before,
            after=after,
            limit=limit,
        )
    )


@router.get(LETTER, **documented("Read a dead letter", DeadLetterView, examples.DEAD_LETTER))
async def read_dead_letter(dead_letter_id: Id, caller: Reader) -> Response:
    """Read a dead letter with its body, the error it died of, and all that happened to it."""
    return reply(await caller.ask("integration", "read_dead_letter", dead_letter_id=dead_letter_id))


@router.post(
    LETTER + "/replay",
    **documented("Replay a dead letter", DeadLetterView, {**examples.DEAD_LETTER, "state": "replayed", "replays": 1}),
)
async def replay_dead_letter(dead_letter_id: Id, caller: Operator) -> Response:
    """Send the message to its queue again under the same id; what was done already is not done twice."""
    return reply(await caller.ask("integration", "replay_dead_letter", dead_letter_id=dead_letter_id))


@router.post(
    LETTER + "/discard",
    **documented(
        "Discard a dead letter",
        DeadLetterView,
        {**examples.DEAD_LETTER, "state": "discarded"},
        body={"reason": "Tin thử nghiệm."},
    ),
)
async def discard_dead_letter(dead_letter_id: Id, discarding: Discarding, caller: Operator) -> Response:
    """Put a dead letter aside for good; the reason is kept."""
    return reply(
        await caller.ask("integration", "discard_dead_letter", dead_letter_id=dead_letter_id, reason=discarding.reason)
    )
