"""`hub topology`, `hub migrate`, `hub audit verify`: work on broker and databases directly, hub up or not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import psycopg
import typer

from hub import show
from hub.ground.broker import ensure_broker
from hub.ground.databases import ensure_databases, migrate_databases
from hub.ground.installation import Installation
from hub.ground.postgres import ensure_postgres
from hub.ground.processes import SERVICES
from hub.settings import HubSettings
from shared import topology
from shared.audit import AuditReport, verify
from shared.servers.programs import ServerFailed
from shared.settings import database_url

topology_app = typer.Typer(help="Exchanges, queues and bindings.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit chains.", no_args_is_help=True)


@topology_app.command("apply")
def apply_topology() -> None:
    """Declare everything that is missing; what stands is left as it is. Runs before any process starts."""
    with show.plain_errors(), _servers() as installation:
        ensure_broker(installation.settings, installation.state, show.say)
        topology.apply(installation.state.amqp_url)
        show.say(f"{len(topology.EXCHANGES)} exchanges and {len(topology.QUEUES)} queues stand")


@topology_app.command("show")
def show_topology(json_: show.AsJson = False) -> None:
    """Show what `apply` declares, without asking the broker."""
    rows = [
        {
            "queue": queue.name,
            "bindings": [f"{exchange} {key}".strip() for exchange, key in queue.bindings],
            "arguments": dict(queue.arguments),
        }
        for queue in topology.QUEUES
    ]
    if json_:
        show.as_json(rows)
        return
    show.table("Queues", ("queue", "bound to"), [(row["queue"], ", ".join(row["bindings"])) for row in rows])


def migrate() -> None:
    """Create missing databases and roles and bring every database to the newest migration."""
    with show.plain_errors(), _servers() as installation:
        ensure_postgres(installation.settings, installation.state, show.say)
        urls = ensure_databases(installation.settings, installation.state.postgres_url, show.say)
        migrate_databases(installation.settings, urls, show.say)


@audit_app.command("verify")
def verify_audit(
    service: Annotated[str | None, typer.Argument(help="Only this service; default: all.")] = None,
    json_: show.AsJson = False,
) -> None:
    """Recompute every service's audit chain from its rows. Exit code 1 if one does not hold."""
    with show.plain_errors(), _servers() as installation:
        quiet = (lambda line: None) if json_ else show.say
        ensure_postgres(installation.settings, installation.state, quiet)
        prefix = installation.settings.database_prefix
        reports = audit_reports(installation.state.postgres_url, prefix, [service] if service else SERVICES)
        if json_:
            show.as_json({name: {**asdict(report), "holds": report.holds} for name, report in reports})
        else:
            _show(reports)
    if not all(report.holds for _, report in reports):
        raise typer.Exit(show.FAILED)


@audit_app.command("decisions")
def verify_decisions(
    public_key: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="A public key that decisions were signed with before.")
    ] = None,
) -> None:
    """Check the signature over every decision. Exit code 1 names those that do not stand as they were signed."""
    with show.plain_errors(), _servers() as installation:
        settings = installation.settings
        ensure_postgres(settings, installation.state, show.say)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HUB_POSTGRES_URL")},
            "HUB_POSTGRES_URL": installation.state.postgres_url,
            "HUB_DATABASE_PREFIX": settings.database_prefix,
            "HUB_SECRETS_DIR": str(settings.secrets),
        }
        known = [f"--public-key={key}" for key in public_key or ()]
        command = [sys.executable, "-W", "ignore", "-m", "services.approval.verifying", *known]
        ended = subprocess.run(command, env=environment, check=False).returncode
    if ended:
        raise typer.Exit(show.FAILED)


def audit_reports(
    server_url: str, prefix: str, services: list[str] | tuple[str, ...] = SERVICES
) -> list[tuple[str, AuditReport]]:
    """Verify each service's chain and return what was found. Raises ServerFailed when a database is not there."""
    reports = []
    for service in services:
        try:
            with psycopg.connect(database_url(server_url, prefix + service), connect_timeout=5) as connection:
                reports.append((service, verify(connection)))
        except psycopg.OperationalError as error:
            raise ServerFailed(f"the database of {service} cannot be read: {error}") from error
    return reports


def _show(reports: list[tuple[str, AuditReport]]) -> None:
    columns = ("service", "chain", "sealed", "unsealed", "oldest unsealed", "head")
    rows = [
        (
            service,
            "[green]holds" if report.holds else f"[red]{report.reason} at {report.broken_at}",
            report.entries,
            report.unsealed,
            f"{report.unsealed_oldest_seconds:.0f} s" if report.unsealed else None,
            report.head[:16],
        )
        for service, report in reports
    ]
    show.table("Audit", columns, rows)


@contextmanager
def _servers() -> Iterator[Installation]:
    """Give the installation; servers of ours that were started for this command alone are stopped again."""
    installation = Installation(HubSettings.read(), show.say)
    in_use = installation.supervisor.running()
    try:
        yield installation
    finally:
        if not in_use:
            installation.state.save(installation.settings.var)
            installation.down()
