"""`hub backup`, `hub restore`, `hub heal`: copies of the databases, and the way back from one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hub import show
from hub.ground import backups
from hub.ground.databases import ensure_databases
from hub.ground.healing import Healed, tell_the_rest
from hub.ground.healing import heal as heal_one
from hub.ground.installation import Installation
from hub.ground.processes import SERVICES
from hub.settings import HubSettings
from shared.servers.programs import ServerFailed

Services = Annotated[list[str] | None, typer.Option("--service", "-s", help="Only this one; may be repeated.")]
Stop = Annotated[bool, typer.Option("--stop", help="Stop the hub's processes first instead of refusing.")]


def backup(
    folder: Annotated[Path | None, typer.Argument(help="Where backups lie; default: `backups` in HUB_VAR.")] = None,
    json_: show.AsJson = False,
) -> None:
    """Write every service's database to one file each, with a manifest. The hub may run."""
    with show.plain_errors(), _ground(quiet=json_) as installation:
        settings = installation.settings
        into = (folder or settings.var / "backups").absolute()
        say = (lambda line: None) if json_ else show.say
        urls = {service: installation.urls[service] for service in SERVICES}
        made = backups.back_up(urls, settings.database_prefix, into, say)
        if json_:
            show.as_json({"backup": str(made)})
        else:
            show.say(f"backup: {made}")
            show.say(f"not in it: the secrets in {settings.secrets}; keep a copy of them elsewhere, under lock")


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup, or the folder of several.")],
    service: Services = None,
    at: Annotated[datetime | None, typer.Option(help="The newest of that moment (UTC) or before.")] = None,
    stop: Stop = False,
) -> None:
    """Put databases back from a backup whose files are whole. What stood stays beside it, as `…_replaced`."""
    with show.plain_errors(), _ground(stop=stop, alone=True) as installation:
        settings = installation.settings
        found = backups.find(folder.absolute(), None if at is None else at.replace(tzinfo=UTC))
        manifest = backups.verified(found)
        wanted = service or list(manifest.services)
        _known(wanted, manifest.services)
        for name in wanted:
            tell_the_rest(installation, name)
            owner, admin = installation.urls[name], installation.state.postgres_url
            backups.restore(found, manifest, name, owner, admin, settings.database_prefix)
            show.say(f"{name}: as of {manifest.services[name].taken_at.isoformat(timespec='seconds')}")
        installation.migrate()
        show.say("next: " + (" && ".join(f"hub heal {name}" for name in wanted) + ", then start the hub again"))


def heal(
    services: Annotated[list[str], typer.Argument(help="The services that were restored.")],
    stop: Stop = False,
    json_: show.AsJson = False,
) -> None:
    """Find what restored services have missed since their copies were taken, and refill it. Exit code 1 if something
    wants a person."""
    with show.plain_errors(), _ground(stop=stop, alone=True, quiet=json_) as installation:
        _known(services, SERVICES)
        installation.topology()  # the journal's queues are drained, so they must be there
        found = [heal_one(installation, name) for name in services]
        if json_:
            show.as_json([{name: getattr(item, name) for name in item.__struct_fields__} for item in found])
        else:
            _show(found)
    if any(item.refused or item.differences for item in found):
        raise typer.Exit(show.FAILED)


def _known(wanted: list[str], services: object) -> None:
    for name in wanted:
        if name not in services:  # type: ignore[operator]  # a mapping or a tuple
            raise ServerFailed(f"there is no service {name}")


def _show(found: list[Healed]) -> None:
    for item in found:
        since = item.restored_to or "nothing"
        show.say(f"{item.service}: stood at {since}; {item.events} events and {item.commands} commands done again")
        for line in (*item.refused, *item.differences):
            show.console.print(f"  [red]![/red] {line}", soft_wrap=True)


@contextmanager
def _ground(*, alone: bool = False, stop: bool = False, quiet: bool = False) -> Iterator[Installation]:
    """Give the installation with its servers up; `alone`: with none of its processes running."""
    settings = HubSettings.read()
    installation = Installation(settings, (lambda line: None) if quiet else show.say)
    in_use = installation.supervisor.running()
    if alone and in_use:
        if not stop:
            raise ServerFailed("the hub runs: stop it first, or say --stop")
        installation.supervisor.stop()
    try:
        installation.servers()
        installation.urls = ensure_databases(settings, installation.state.postgres_url, installation.say)
        yield installation
    finally:
        if not in_use:
            installation.down()
