"""`hub secrets`: keys and passwords as files, for containers and clusters that mount them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hub import show
from hub.ground.credentials import Places, init_secrets
from hub.settings import HubSettings

app = typer.Typer(help="Keys and passwords as files.", no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """Keys and passwords as files."""


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="Where they go.")] = Path("secrets"),
    postgres: Annotated[str, typer.Option(help="HOST:PORT at which processes reach PostgreSQL.")] = "postgres:5432",
    broker: Annotated[str, typer.Option(help="HOST:PORT at which processes reach RabbitMQ.")] = "rabbitmq:5672",
) -> None:
    """Make every secret that is missing, readable by its owner only; print names, never what stands in them."""
    settings = replace(HubSettings.read(), secrets=folder.absolute())
    with show.plain_errors():
        made, kept = init_secrets(settings, Places(postgres=postgres, broker=broker))
    for name in made:
        show.say(f"made {name}")
    show.say(f"{len(made)} made, {len(kept)} kept, in {settings.secrets}")
