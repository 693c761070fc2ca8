"""`hub reconcile-report`: the report of a reconciliation as a file, for leaders and for the files of the office."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings


class Format(StrEnum):
    """What the report is written as."""

    JSON = "json"
    HTML = "html"
    XLSX = "xlsx"
    PDF = "pdf"


def reconcile_report(
    reconciliation: Annotated[str, typer.Argument(help="The reconciliation's id, as `hub reconcile` tells it.")],
    format_: Annotated[Format | None, typer.Option("--format", help="Default: what the file's name ends in.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: doi-soat-ID.pdf.")
    ] = None,
) -> None:
    """Write the report of a reconciliation: verdict, what matches, what differs and whose it is, trend, proof."""
    chosen = format_ or _named(output)
    path = f"/v1/reconciliations/{reconciliation}/report"
    with show.plain_errors():
        content = Gateway.as_operator(HubSettings.read()).fetch(path, {"format": chosen.value})
    file = output or Path(f"doi-soat-{reconciliation}.{chosen.value}")
    file.write_bytes(content)
    show.say(f"{file}: {len(content)} bytes")


def _named(output: Path | None) -> Format:
    ending = "" if output is None else output.suffix.lower().lstrip(".")
    return next((item for item in Format if item.value in (ending, {"htm": "html"}.get(ending))), Format.PDF)
