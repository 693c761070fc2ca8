"""`hub dead-letters`: messages that no retry can help. See why, mend the cause, then replay or discard."""

from __future__ import annotations

from typing import Annotated

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="Messages that no retry can help.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The dead letter's id.")]


@app.command("list")
def list_dead_letters(
    queue: Annotated[str | None, typer.Option(help="Only those of this queue.")] = None,
    state: Annotated[str, typer.Option(help="dead, replayed or discarded.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: show.AsJson = False,
) -> None:
    """List dead letters, newest first."""
    query = {"queue": queue, "state": state, "limit": limit}
    with show.plain_errors():
        page = _operator().ask("GET", "/v1/dead-letters", params={key: value for key, value in query.items() if value})
    if json_:
        show.as_json(page)
        return
    columns = ("id", "queue", "subject", "died_at", "attempts", "replays", "error")
    rows = [[row.get(column) for column in columns] for row in page["dead_letters"]]
    show.table(f"Dead letters ({page['total']})", columns, rows)


@app.command("show")
def show_dead_letter(letter: Id, json_: show.AsJson = False) -> None:
    """Show one with its cause, history and body."""
    with show.plain_errors():
        found = _operator().ask("GET", f"/v1/dead-letters/{letter}")
    if json_:
        show.as_json(found)
        return
    body = found.pop("body", None)
    show.table("Dead letter", ("field", "value"), list(found.items()))
    show.as_json(body)


@app.command("replay")
def replay_dead_letter(letter: Id, json_: show.AsJson = False) -> None:
    """Send it to its queue again under the same message id: what it had effected already is not done twice."""
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/dead-letters/{letter}/replay")
    if json_:
        show.as_json(found)
    else:
        show.say(f"{letter} goes to {found['queue']} again; look: hub dead-letters show {letter}")


@app.command("discard")
def discard_dead_letter(
    letter: Id,
    reason: Annotated[str, typer.Option(help="Why it is not needed; kept in the audit chain.", prompt=True)],
    json_: show.AsJson = False,
) -> None:
    """Give it up for good, with a reason."""
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/dead-letters/{letter}/discard", json={"reason": reason})
    if json_:
        show.as_json(found)
    else:
        show.say(f"{letter} is discarded")


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
