"""The command `hub`: everything an operator types. Each command stands in hub/commands; this file only names them."""

from __future__ import annotations

import warnings

import typer

# nameko needs eventlet, and eventlet announces its own retirement on import; an operator can do nothing about it.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

from hub.commands import (  # noqa: E402 - after the filter
    backups,
    calendar,
    dead_letters,
    dialects,
    ground,
    history,
    installation,
    loading,
    log,
    packets,
    partners,
    pulls,
    reform,
    reports,
    running,
    secrets,
    security_servers,
    status,
)

app = typer.Typer(
    name="hub",
    help="The reporting hub of Lai Châu: run it, ask it, mend it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(installation.run)
app.command()(installation.demo)
app.command()(loading.load)
app.command()(loading.regimes)
app.command()(history.load_history)
app.command()(installation.restart)
app.command()(installation.clean)
app.command()(status.status)
app.command()(running.deliveries)
app.command()(running.sync)
app.command()(running.settle)
app.command()(running.reconcile)
app.command()(reports.reconcile_report)
app.command()(pulls.pull)
app.command()(ground.migrate)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(backups.heal)
app.add_typer(ground.topology_app, name="topology")
app.add_typer(ground.audit_app, name="audit")
app.add_typer(calendar.app, name="calendar")
app.add_typer(secrets.app, name="secrets")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(log.app, name="log")
app.add_typer(packets.app, name="packets")
app.add_typer(pulls.app, name="pulls")
app.add_typer(reform.app, name="reform")
partners.app.command()(dialects.preview)
partners.app.command()(dialects.fetch_wsdl)
app.add_typer(partners.app, name="partner")
app.add_typer(security_servers.app, name="security-servers")

if __name__ == "__main__":
    app()
