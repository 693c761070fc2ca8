"""`hub calendar`: working days and deadlines, from the running hub or from a catalogue folder by the same code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

import catalogue
from hub import show
from hub.client import Gateway, GatewaySilent
from hub.settings import HubSettings
from shared.catalogue import almanac
from shared.catalogue.entries import CalendarDay, Form, Regime
from shared.catalogue.schedules import working_calendar
from shared.errors import Invalid, NotFound

app = typer.Typer(help="Working days and deadlines.", no_args_is_help=True)
Folder = Annotated[
    Path | None, typer.Option(help="Answer from this catalogue folder instead of the running hub.", file_okay=False)
]


@app.command("next-working-day")
def next_working_day(
    days: Annotated[list[str], typer.Argument(help="Days, YYYY-MM-DD.", metavar="DATE…")],
    folder: Folder = None,
    json_: show.AsJson = False,
) -> None:
    """Say of each day whether offices work on it, and the next day on which they do."""

    def here(entries: dict[str, Any]) -> Any:
        calendar = working_calendar(msgspec.convert(entries["calendar"], list[CalendarDay]))
        return [almanac.working_day(calendar, _day(text)) for text in days]

    with show.plain_errors():
        for text in days:
            _day(text)
        answer = _answer("/v1/calendar/next-working-day", {"day": days}, folder, here)
    if json_:
        show.as_json(answer)
    else:
        rows = [(row["day"], row["day_off"] or "làm việc", row["next"]) for row in answer]
        show.table("Working days", ("day", "day off", "next working day"), rows)


@app.command("deadlines")
def deadlines(
    regime: Annotated[str, typer.Argument(help="Regime's id.")],
    year: Annotated[int, typer.Argument(min=1900, max=2199)],
    folder: Folder = None,
    json_: show.AsJson = False,
) -> None:
    """Show a regime's periods of a year: data window, deadline of each level, and why it moved."""

    def here(entries: dict[str, Any]) -> Any:
        regimes = {entry["id"]: entry for entry in entries["regimes"]}
        if regime not in regimes:
            raise NotFound("indicators.no_regime", f"there is no regime {regime}")
        calendar = working_calendar(msgspec.convert(entries["calendar"], list[CalendarDay]))
        forms = msgspec.convert(entries["forms"], list[Form])
        return almanac.regime_calendar(msgspec.convert(regimes[regime], Regime), forms, calendar, year)

    with show.plain_errors():
        answer = _answer(f"/v1/regimes/{quote(regime, safe='')}/calendar", {"year": year}, folder, here)
    if json_:
        show.as_json(answer)
        return
    columns = ("period", "data from", "to", "level", "due", "moved from", "because")
    rows = [
        (
            period["period"],
            period["window_from"],
            period["window_to"],
            due["level"],
            _shown(due["at"]),
            _shown(due["nominal"]) if due["at"] != due["nominal"] else None,
            ", ".join(due["because"]),
        )
        for period in answer["periods"]
        for due in period["deadlines"]
    ]
    show.table(f"{answer['regime']}: {answer['name']}, {year}", columns, rows)


def _answer(path: str, query: dict[str, Any], folder: Path | None, here: Callable[[dict[str, Any]], Any]) -> Any:
    """Ask the running hub; where a folder is named, or no hub answers, compute from that folder (Lai Châu's)."""
    if folder is None:
        try:
            return Gateway.as_operator(HubSettings.read()).ask("GET", path, params=query)
        except GatewaySilent as error:
            show.errors.print(f"[yellow]the hub is away, answered from the files:[/yellow] {error}", soft_wrap=True)
    try:
        return msgspec.to_builtins(here(catalogue.read(folder)))
    except (OSError, msgspec.ValidationError) as error:
        raise Invalid("calendar.folder", f"{folder or catalogue.FOLDER} is no catalogue: {error}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("calendar.day", f"{text!r} is no day, write YYYY-MM-DD") from None


def _shown(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M}"
