"""`hub dead-letters`: messages that no retry can help. See why, mend the cause, then replay or discard: one by its id,
or all that match a filter, after a look at how many those are."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="Messages that no retry can help.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The dead letter's id.")]
OneOrMany = Annotated[str | None, typer.Argument(help="The dead letter's id; without it, all that match the options.")]
Queue = Annotated[str | None, typer.Option(help="Only those of this queue.")]
Event = Annotated[str | None, typer.Option(help="Only those of this event.")]
ErrorText = Annotated[str | None, typer.Option("--error", help="Only those with this in their error.")]
OlderThan = Annotated[float | None, typer.Option(help="Only those that died longer ago; hours.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell how many match, and do nothing.")]
Rate = Annotated[int, typer.Option(min=1, max=1000, help="At most so many a second.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_COLUMNS = ("id", "queue", "subject", "died_at", "attempts", "replays", "error")
_SAMPLE = 5


@app.command("list")
def list_dead_letters(
    queue: Queue = None,
    state: Annotated[str, typer.Option(help="dead, replayed or discarded.")] = "dead",
    event: Event = None,
    error: ErrorText = None,
    older_than: OlderThan = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: show.AsJson = False,
) -> None:
    """List dead letters, newest first."""
    wanted = _wanted(queue, event, error, older_than)
    with show.plain_errors():
        page = _operator().ask("GET", "/v1/dead-letters", params={**wanted, "state": state, "limit": limit})
    if json_:
        show.as_json(page)
    else:
        _show_page(page)


@app.command("show")
def show_dead_letter(letter: Id, json_: show.AsJson = False) -> None:
    """Show one with its cause, history and body."""
    with show.plain_errors():
        found = _operator().ask("GET", f"/v1/dead-letters/{letter}")
    if json_:
        show.as_json(found)
        return
    body, history = found.pop("body", None), found.pop("history", [])
    show.table("Dead letter", ("field", "value"), list(found.items()))
    columns = ("at", "what", "by", "reason", "attempts", "job")
    show.table("History", columns, [[item.get(column) for column in columns] for item in history])
    show.as_json(body)


@app.command("replay")
def replay(
    letter: OneOrMany = None,
    queue: Queue = None,
    event: Event = None,
    error: ErrorText = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    rate: Rate = 50,
    yes: Yes = False,
    json_: show.AsJson = False,
) -> None:
    """Send one, or all that match, to their queues again under the same ids: what they had effected already is not done
    twice. Ctrl-C asks whether to stop."""
    if letter is None:
        wanted = _wanted(queue, event, error, older_than)
        return _many("replays", wanted, {"rate": rate}, dry_run=dry_run, yes=yes, json_=json_)
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/dead-letters/{letter}/replay")
    if json_:
        show.as_json(found)
    else:
        show.say(f"{letter} goes to {found['queue']} again; look: hub dead-letters show {letter}")
    return None


@app.command("discard")
def discard(
    reason: Annotated[str, typer.Option(help="Why it is not needed; kept in the audit chain.", prompt=True)],
    letter: OneOrMany = None,
    queue: Queue = None,
    event: Event = None,
    error: ErrorText = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    rate: Rate = 50,
    yes: Yes = False,
    json_: show.AsJson = False,
) -> None:
    """Give one, or all that match, up for good, with a reason. Ctrl-C asks whether to stop."""
    if letter is None:
        wanted = _wanted(queue, event, error, older_than)
        return _many("discards", wanted, {"rate": rate, "reason": reason}, dry_run=dry_run, yes=yes, json_=json_)
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/dead-letters/{letter}/discard", json={"reason": reason})
    if json_:
        show.as_json(found)
    else:
        show.say(f"{letter} is discarded")
    return None


@app.command("jobs")
def list_jobs(json_: show.AsJson = False) -> None:
    """List replays and discardings of many, newest first."""
    with show.plain_errors():
        page = _operator().ask("GET", "/v1/dead-letters/jobs")
    if json_:
        show.as_json(page)
        return
    columns = ("id", "action", "state", "filter", "requested_by", "started_at", "matched", "done", "left", "died_again")
    show.table("Jobs", columns, [[row.get(column) for column in columns] for row in page["jobs"]])


@app.command("stop")
def stop_job(job: Annotated[str, typer.Argument(help="The job's id.")], json_: show.AsJson = False) -> None:
    """Stop a job after the batch in hand; what is left stays dead."""
    with show.plain_errors():
        found = _operator().ask("POST", f"/v1/dead-letters/jobs/{job}/stop")
    if json_:
        show.as_json(found)
    else:
        _show_job(found)


def _many(path: str, wanted: dict[str, str], told: dict[str, Any], *, dry_run: bool, yes: bool, json_: bool) -> None:
    gateway = _operator()
    with show.plain_errors():
        page = gateway.ask("GET", "/v1/dead-letters", params={**wanted, "state": "dead", "limit": _SAMPLE})
        if dry_run or not page["total"]:
            return show.as_json(page) if json_ else _show_page(page)
        if not yes:
            _show_page(page)
            typer.confirm(f"{path} of all {page['total']}: go on?", abort=True)
        # The key is made once: however often the line breaks, it stays one job.
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        order = {**wanted, **told, "expected": page["total"]}
        job = gateway.ask("POST", f"/v1/dead-letters/{path}", json=order, headers=headers)
        job = _followed(gateway, job)
    if json_:
        show.as_json(job)
    else:
        _show_job(job)
    if job["state"] != "finished":
        raise typer.Exit(show.FAILED)
    return None


def _followed(gateway: Gateway, job: dict[str, Any]) -> dict[str, Any]:
    """Return the job as it ended; Ctrl-C asks whether it is to be stopped, and leaves it running if not."""
    while job["state"] == "running":
        try:
            with show.console.status("") as shown:
                while job["state"] == "running":
                    shown.update(f"job {job['id']}: {job['done']} of {job['matched']} done, {job['left']} left")
                    time.sleep(0.3)
                    job = gateway.ask("GET", f"/v1/dead-letters/jobs/{job['id']}")
        except KeyboardInterrupt:
            if not typer.confirm(f"Stop job {job['id']}? (no: it goes on by itself)"):
                return job
            job = gateway.ask("POST", f"/v1/dead-letters/jobs/{job['id']}/stop")
    return job


def _wanted(queue: str | None, event: str | None, error: str | None, older_than: float | None) -> dict[str, str]:
    before = None if older_than is None else (datetime.now(UTC) - timedelta(hours=older_than)).isoformat()
    given = {"queue": queue, "event": event, "error": error, "died_before": before}
    return {name: value for name, value in given.items() if value}


def _show_page(page: dict[str, Any]) -> None:
    rows = [[row.get(column) for column in _COLUMNS] for row in page["dead_letters"]]
    show.table(f"Dead letters ({page['total']})", _COLUMNS, rows)


def _show_job(job: dict[str, Any]) -> None:
    counts = ", ".join(f"{job[name]} {name.replace('_', ' ')}" for name in ("done", "skipped", "left", "died_again"))
    show.say(f"job {job['id']} ({job['action']}): {job['state']}; of {job['matched']}: {counts}")


def _operator() -> Gateway:
    return Gateway.as_operator(HubSettings.read())
