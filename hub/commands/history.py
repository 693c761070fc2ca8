"""`hub load-history FILE`: try the load, show what it would bring or every fault by row and column, then record it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway, GatewayRefused
from hub.settings import HubSettings
from shared.errors import Invalid
from shared.workbooks import NoWorkbook, opened

TIMEOUT_SECONDS = 120
MAX_SHOWN = 60


def load_history(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV (UTF-8) or XLSX, first sheet.")],
    source: Annotated[str, typer.Option(help="Where the figures come from.")],
    decision: Annotated[str, typer.Option(help="The decision to load them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be and keep nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Record it without asking.")] = False,
    json_: show.AsJson = False,
) -> None:
    """Load existing history as approved figures. One fault (exit code 1) and nothing is recorded."""
    query = {"source": source, "decision": decision}
    with show.plain_errors():
        text = _text(file)
        gateway = Gateway.as_operator(HubSettings.read())
        told = _ask(gateway, text, {**query, "dry_run": "true"})
        if not json_:
            _show(told)
        if not dry_run and not told["repeated"] and (yes or typer.confirm("record it?", abort=True)):
            told = _ask(gateway, text, query)
            if not json_:
                show.say(f"recorded {told['recorded']} figures in {told['batches']} batches")
    if json_:
        show.as_json(told)


def _ask(gateway: Gateway, text: str, query: dict[str, str]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = gateway.ask(
            "POST",
            "/v1/history",
            params=query,
            content=text.encode(),
            headers={"Content-Type": "text/csv; charset=utf-8"},
            timeout=TIMEOUT_SECONDS,
        )
    except GatewayRefused as refused:
        for fault in refused.errors[:MAX_SHOWN]:
            show.say(f"row {fault.get('row')}, {fault.get('column')}: {fault.get('detail') or fault.get('message')}")
        raise
    return answer


def _show(told: dict[str, Any]) -> None:
    show.say(f"{told['figures']} figures: {told['recorded']} new or corrected, {told['unchanged']} unchanged")
    if told["published"]:
        show.say(f"{told['within']} of {told['compared']} published figures of computed indicators agree within 2 %")
    for item in told["differences"][:MAX_SHOWN]:
        show.say(
            f"row {item['row']}: {item['indicator']} of {item['unit']} for {item['period']}:"
            f" published {item['published']}, computed {item['computed']}"
        )
    if told["repeated"]:
        show.say("this very load was recorded before")


def _text(file: Path) -> str:
    try:
        return _xlsx(file) if file.suffix.lower() == ".xlsx" else file.read_text(encoding="utf-8-sig")
    except (NoWorkbook, UnicodeDecodeError) as error:
        raise Invalid("history.file", f"{file} cannot be read: {error}", "Không đọc được tệp.") from error


def _xlsx(file: Path) -> str:
    """Return the first sheet as CSV. Whole numbers are written without a point, as a person sees them."""
    text = io.StringIO()
    writer = csv.writer(text)
    with opened(file.read_bytes()) as book:
        for row in book.worksheets[0].iter_rows(values_only=True):
            writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    # Excel keeps numbers in binary: their shortest text is what was typed.
    return f"{value:.15g}" if isinstance(value, float) else str(value)
