"""`hub reform`: a reform of the organisation from a file, looked at first and then applied as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hub import show
from hub.client import Gateway
from hub.settings import HubSettings

app = typer.Typer(help="Reforms of the organisation: preview, then apply.", no_args_is_help=True)
File = Annotated[
    Path, typer.Argument(help='JSON file: one reform, or {"reforms": [one]}.', exists=True, dir_okay=False)
]
TIMEOUT_SECONDS = 120


@app.command()
def preview(file: File, json_: show.AsJson = False) -> None:
    """Show what the reform would change, and change nothing."""
    reform = _read(file)
    with show.plain_errors():
        found = _ask("/v1/reforms/preview", reform=reform)
    if json_:
        show.as_json(found)
    else:
        _tell(found)
        show.say(f"nothing was changed; apply: hub reform apply {file} --version {found['version']}")


@app.command()
def apply(
    file: File,
    version: Annotated[int | None, typer.Option(help="The catalogue's version that the preview showed.")] = None,
    json_: show.AsJson = False,
) -> None:
    """Apply the reform whole, or refuse it whole; the same again changes nothing. Without --version it is applied to
    the catalogue as it is now."""
    reform = _read(file)
    with show.plain_errors():
        if version is None:
            version = _ask("/v1/reforms/preview", reform=reform)["version"]
        found = _ask("/v1/reforms", reform=reform, expected_version=version)
    if json_:
        show.as_json(found)
    else:
        _tell(found)
        show.say(f"{found['id']} stands in version {found['version']} of the catalogue")


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{file} is no JSON: {error}") from error
    reforms = document.get("reforms", [document]) if isinstance(document, dict) else []
    if len(reforms) != 1 or not isinstance(reforms[0], dict):
        raise typer.BadParameter(f"{file} must hold one reform")
    reform: dict[str, Any] = reforms[0]
    return reform


def _ask(path: str, **body: Any) -> Any:
    gateway = Gateway.as_operator(HubSettings.read())
    return gateway.ask("POST", path, json=body, timeout=TIMEOUT_SECONDS)


def _tell(found: dict[str, Any]) -> None:
    rows = [
        (
            unit["id"],
            ", ".join(unit["what"]),
            unit["name_before"],
            unit["name_since"] or ", ".join(edge["after_name"] or "–" for edge in unit["successors"]),
        )
        for unit in found["units"]
    ]
    show.table(f"{found['name']} ({found['decision']}), {found['on']}", ("unit", "what", "before", "since"), rows)
    codes = [(row["code"], row["before_name"], row["since_name"]) for row in found["codes"]]
    show.table("Codes that change hands", ("code", "before", "since"), codes)
    counts = [(kind, count["before"], count["since"]) for kind, count in found["counts"].items()]
    show.table("Units", ("kind", "before", "since"), counts)
    show.say(f"forms that others owe since: {', '.join(found['forms']) or 'none'}")
