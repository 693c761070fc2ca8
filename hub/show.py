"""How commands speak: tables and lines for people, JSON for scripts, errors in one line on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from hub.client import GatewayRefused, GatewaySilent
from shared.errors import HubError
from shared.servers.programs import ServerFailed

FAILED = 1
SILENT = 3

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]


def say(line: str) -> None:
    """Tell one thing that was done."""
    console.print(f"[green]·[/green] {line}", soft_wrap=True)


def as_json(value: Any) -> None:
    """Print a value for scripts, unwrapped and with its letters as they are."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows; what is None stays empty.

    No word is broken, so that an id can be copied and a line searched for: a terminal too narrow for that gets each row
    as a block of lines, and what is no terminal (a pipe, a file) gets lines as long as they need be.
    """
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    shown = Table(title=title, title_justify="left")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in cells:
        shown.add_row(*row)
    needed = Measurement.get(console, console.options.update(width=10_000), shown)
    if not console.is_terminal:
        Console(file=console.file, width=max(needed.maximum, console.width), highlight=False).print(shown)
    elif needed.minimum <= console.width:
        console.print(shown)
    else:
        _print_blocks(title, columns, cells)


def _print_blocks(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    console.print(f"[italic]{title}[/italic]")
    longest = max(map(len, columns))
    for row in rows:
        console.rule(align="left", characters="─")
        for column, cell in zip(columns, row, strict=True):
            if cell:
                console.print(f"[bold]{column:<{longest}}[/bold]  {cell}", soft_wrap=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the command with one line, the places that are at fault, and an exit code instead of a traceback: 1 failed
    or refused, 3 try later."""
    try:
        yield
    except GatewaySilent as error:
        errors.print(f"[red]the hub is not reachable:[/red] {error}", soft_wrap=True)
        raise typer.Exit(SILENT) from error
    except (GatewayRefused, ServerFailed, HubError) as error:
        errors.print(f"[red]failed:[/red] {error}", soft_wrap=True)
        for fault in getattr(error, "errors", ()):
            told = fault.get("message") or fault.get("detail")
            errors.print(f"  {fault.get('place')}: {told}", soft_wrap=True, markup=False)
        raise typer.Exit(FAILED) from error
