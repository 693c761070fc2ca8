"""`hub run`, `hub demo`, `hub clean`: bring an installation up, tell the story on it, take it down."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Annotated

import typer
from rich.panel import Panel

from hub import show
from hub.commands.ground import audit_reports
from hub.ground import restarting
from hub.ground.broker import remove_broker
from hub.ground.installation import Installation
from hub.settings import HubSettings


def run(
    once: Annotated[bool, typer.Option("--once", help="Stop again as soon as everything answers.")] = False,
) -> None:
    """Set everything up, start all processes, print addresses and accounts, and stay until Ctrl-C."""
    settings = HubSettings.read()
    with show.plain_errors(), _up(settings) as installation:
        _welcome(installation)
        if not once:
            _wait_for_the_end()


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up after the story, until Ctrl-C.")] = False,
) -> None:
    """Set up a hub of its own, tell one figure's journey on it, stop it. Exit code 1 if a step did not come out."""
    from hub.demo import story
    from hub.demo.stage import Stage

    settings = _demo_settings(HubSettings.read())
    with show.plain_errors():
        Installation(settings, show.say).clean()  # the story begins with nothing
        with _up(settings, lasting=False) as installation:
            accounts = json.loads((settings.secrets / "demo_accounts.json").read_text())
            told = story.run(
                Stage(
                    gateway=settings.gateway_url,
                    people=accounts["people"],
                    clients=accounts["clients"],
                    far_sides={
                        "quoc-gia": f"http://127.0.0.1:{settings.national_port}",
                        "bo-nganh": f"http://127.0.0.1:{settings.ministry_port}",
                    },
                    kill=installation.supervisor.kill,
                    verify_audit=lambda: _audit_lines(installation),
                    console=show.console,
                )
            )
            if keep:
                _wait_for_the_end()
        show.say(f"stopped; logs stay in {installation.supervisor.log.parent} until the next demo")
    if not told:
        raise typer.Exit(show.FAILED)


def restart() -> None:
    """Restart every process of the hub that runs here, one after the other; callers do not notice."""
    installation = Installation(HubSettings.read(), show.say)
    with show.plain_errors():
        taken = restarting.restart(installation)
        show.say(f"{len(taken)} processes in {sum(taken.values()):.1f} s")


def clean() -> None:
    """Stop everything of this folder's and remove its data: databases, roles, virtual host, secrets, logs."""
    settings = HubSettings.read()
    with show.plain_errors():
        for each in (_demo_settings(settings), settings):
            if each.var.exists():
                Installation(each, show.say).clean()
                show.say(f"removed {each.var}")


def _demo_settings(settings: HubSettings) -> HubSettings:
    """Return settings under which the demo disturbs nothing that `hub run` keeps in this folder."""
    return replace(
        settings,
        var=settings.var / "demo",
        secrets=settings.var / "demo" / "secrets",
        vhost=f"{settings.vhost}_demo",
        database_prefix=f"{settings.database_prefix}demo_",
        gateway_url=f"http://127.0.0.1:{settings.gateway_port}",
    )


@contextmanager
def _up(settings: HubSettings, *, lasting: bool = True) -> Iterator[Installation]:
    """Bring the installation up; take it down however the block ends, also by Ctrl-C or SIGTERM in the middle.

    One that is not `lasting` leaves no virtual host and no broker behind.
    """
    installation = Installation(settings, show.say)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with show.console.status("setting up …"):
            installation.up()
        yield installation
    except KeyboardInterrupt:
        show.say("stopping: what is in hand is finished or given back")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with show.console.status("stopping …"):
            installation.down()
            if not lasting:
                remove_broker(settings, installation.state)
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _wait_for_the_end() -> None:
    show.console.print("Ctrl-C stops it.")
    threading.Event().wait()


def _welcome(installation: Installation) -> None:
    settings = installation.settings
    url = settings.gateway_url
    accounts = json.loads((settings.secrets / "demo_accounts.json").read_text())
    show.console.print(
        Panel(
            f"API and its documentation  {url}/docs\nhealth                     {url}/health/ready\n"
            f"metrics                    {url}/metrics\n"
            f"national system            http://127.0.0.1:{settings.national_port}\n"
            f"ministry's system          http://127.0.0.1:{settings.ministry_port}\n"
            f"logs                       {installation.supervisor.log.parent}\n"
            "state                      hub status",
            title="The hub is up",
            title_align="left",
        )
    )
    rows = [(kind, name, secret) for kind in ("people", "clients") for name, secret in accounts[kind].items()]
    if os.isatty(1):  # passwords are for the person at the terminal, not for a log file
        show.table("Accounts of the demo", ("kind", "name", "password or secret"), rows)
    else:
        show.say(f"accounts: {len(rows)}, in {settings.secrets / 'demo_accounts.json'}")


def _audit_lines(installation: Installation) -> list[str]:
    lines = []
    for service, report in audit_reports(installation.state.postgres_url, installation.settings.database_prefix):
        if not report.holds:
            from hub.demo.stage import StepFailed

            raise StepFailed(f"audit chain of {service} breaks at {report.broken_at}: {report.reason}")
        lines.append(f"{service}: {report.entries} sealed entries hold, {report.unsealed} wait for the sealer")
    return lines
