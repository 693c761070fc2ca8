"""`hub status`: how services and partners stand, in words; whether something needs a person is the exit code."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import typer
from rich.markup import escape

from hub import show
from hub.client import Gateway
from hub.ground.supervise import Supervisor
from hub.settings import HubSettings

OPEN_STATES = ("planned", "sending", "waiting", "in_doubt")
UNPROVEN_SECONDS = 86_400.0
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def status(json_: show.AsJson = False) -> None:
    """Show every service and what waits in it, and for each partner permission, breaker, open deliveries, the last
    proof of equality and open differences. Exit code 1 if something needs a person."""
    settings = HubSettings.read()
    with show.plain_errors():
        answer = Gateway.as_operator(settings).ask("GET", "/v1/status")
    needs = needs_of(answer, datetime.now(UTC))
    processes = Supervisor(settings.var).states()
    if json_:
        show.as_json({**answer, "processes": processes, "needs_a_person": needs})
    else:
        _show(answer, processes, needs)
    if needs:
        raise typer.Exit(show.FAILED)


def needs_of(answer: dict[str, Any], now: datetime) -> list[str]:
    """Return, in words, everything that a person has to look at."""
    needs = [
        f"{line['service']} does not answer: {line.get('error')}"
        for line in answer["services"]
        if not line["reachable"]
    ]
    if answer.get("dead_letters"):
        needs.append(f"{answer['dead_letters']} dead letters wait: hub dead-letters list")
    for partner in answer.get("partners") or []:
        needs += [f"{partner['id']}: {need}" for need in _needs_of_partner(partner, now)]
    return needs


def _needs_of_partner(partner: dict[str, Any], now: datetime) -> list[str]:
    needs = []
    standing = partner["standing"]
    suspended = partner.get("suspended", False)  # on purpose: what waits for it is late for nobody
    if not suspended and not partner["permitted"] and _open(partner):
        needs.append(f"deliveries wait, and nothing may pass today: {partner.get('held') or 'no permission'}")
    if not suspended and standing["circuit"] == "open":
        needs.append(f"it does not answer ({standing['story']}); a probe goes out {_at(standing['until'], now)}")
    if partner["for_a_person"]:
        needs.append(f"{partner['for_a_person']} deliveries or differences that only a person takes further")
    return needs


def partner_line(partner: dict[str, Any], now: datetime) -> tuple[str, ...]:
    """Return a partner's row: permission, breaker, open deliveries, oldest, last proof, open differences."""
    opened = _open(partner)
    proof = partner.get("last_proof_at")
    differences = ", ".join(f"{count} {kind}" for kind, count in sorted(partner["open_differences"].items()))
    return (
        partner["id"],
        _permission(partner),
        _breaker(partner["standing"], now),
        ", ".join(f"{count} {state}" for state, count in opened.items()) or "none",
        _span(partner["oldest_open_seconds"]) if opened else "",
        _proof(proof, now),
        differences or "none",
    )


def _permission(partner: dict[str, Any]) -> str:
    held = partner.get("held")
    if partner.get("suspended"):
        return f"[yellow]suspended[/yellow]: {escape(held or '')}"
    if not partner["permitted"]:
        return f"[red]none today[/red]: {escape(held or '')}"
    until = partner.get("permitted_to")
    known = f"until {until}" if until else "holds"
    return f"[green]{known}" if held is None else f"[yellow]{known}[/yellow]: {escape(held)}"


def _breaker(standing: dict[str, Any], now: datetime) -> str:
    if standing["circuit"] == "open":
        return f"[red]open[/red], probes {_at(standing['until'], now)}"
    if standing["circuit"] == "half_open":
        return "[yellow]a call probes"
    if standing["hold"] == "pause":
        return f"[yellow]asked to pause[/yellow], on {_at(standing['until'], now)}"
    if standing["hold"] == "budget":
        return f"[yellow]no repeats left[/yellow], on {_at(standing['until'], now)}"
    left = standing["repeats_left"]
    return "[green]closed" + ("" if left is None else f"[/green], {left} repeats left")


def _proof(proof: str | None, now: datetime) -> str:
    if proof is None:
        return "[yellow]never"
    age = (now - datetime.fromisoformat(proof)).total_seconds()
    return f"[yellow]{_span(age)} ago" if age > UNPROVEN_SECONDS else f"{_span(age)} ago"


def _open(partner: dict[str, Any]) -> dict[str, int]:
    return {state: count for state in OPEN_STATES if (count := partner["deliveries"].get(state))}


def _at(moment: str | None, now: datetime) -> str:
    left = 0.0 if moment is None else (datetime.fromisoformat(moment) - now).total_seconds()
    return "now" if left <= 0 else f"in {_span(left)}"


def _span(seconds: float) -> str:
    for length, name in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} s"


def _show(answer: dict[str, Any], processes: dict[str, str], needs: list[str]) -> None:
    show.say(f"broker: {answer['broker']}")
    rows = []
    for line in answer["services"]:
        known = line.get("status") or {}
        rows.append(
            (
                line["service"],
                "[green]answers" if line["reachable"] else f"[red]{line['error']}",
                _waiting(known.get("outbox_unsent"), known.get("outbox_oldest_seconds")),
                _waiting(known.get("unsealed_audit"), known.get("unsealed_oldest_seconds")),
                _waiting(known.get("incomplete_chunk_sets"), known.get("incomplete_oldest_seconds")),
            )
        )
    show.table("Services", ("service", "state", "outbox", "unsealed audit", "incomplete sets"), rows)
    if answer.get("partners"):
        now = datetime.now(UTC)
        columns = ("partner", "permission", "breaker", "open", "oldest", "proven equal", "differ")
        show.table("Partners", columns, [partner_line(partner, now) for partner in answer["partners"]])
    if processes:
        show.table("Processes here", ("process", "state"), sorted(processes.items()))
    for need in needs:
        show.console.print(f"[red]needs a person:[/red] {escape(need)}", soft_wrap=True)


def _waiting(count: int | None, seconds: float | None) -> str:
    if not count:
        return "" if count is None else "0"
    return f"{count}, oldest {seconds or 0:.1f} s"
