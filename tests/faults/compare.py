"""The load client's log against everything the hub and the far side hold: nothing lost, nothing doubled.

What the databases and far sides hold is compared whole each time, since a later fault may hurt what was right before;
what the gateway shows of it is read once per journey, because a request for each of all earlier ones would take longer
than the faults themselves."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import httpx
import psycopg
import sqlalchemy as sa

from shared.audit import AUDIT
from shared.message_log import MESSAGES
from tests.faults.load import Door, Journey

PROVINCE_AT_PARTNER = "12"

Held = dict[tuple[str, str], dict[str, str | None]]
"""Values by indicator, by form and period, in the hub's words: of the province."""


class Applied(NamedTuple):
    """A message that a far side applied, and what it was about with its version, if the far side tells that."""

    message_id: str
    about: tuple[str, str, str, int] | None


class FarStore(Protocol):
    """What a far side tells a test of itself, beside the protocol."""

    def held(self) -> Held:
        """Return what it holds for the province."""

    def applied(self) -> list[Applied]:
        """Return the messages that it applied, in order."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """The store of a simulator, read by its control routes."""

    address: str
    prefix: str = ""

    def held(self) -> Held:
        """Return what it holds for the province."""
        return {
            (item["form"], item["period"]): {
                name.removeprefix(self.prefix): value for name, (value, _) in item["values"].items()
            }
            for item in httpx.get(f"{self.address}/control/store", timeout=10).json()
            if item["unit"] == PROVINCE_AT_PARTNER
        }

    def applied(self) -> list[Applied]:
        """Return the messages that it applied, in order."""
        journal = httpx.get(f"{self.address}/control/journal", timeout=10).json()
        return [
            Applied(item["message_id"], (item["form"], item["unit"], item["period"], item["version"]))
            for item in journal
            if item["state"] == "applied"
        ]


@dataclass
class Stores:
    """Where to look: a door with every read right, databases by service, and by partner id the addresses of
    simulators, what each partner holds, and what it is due."""

    portal: Door
    engines: dict[str, sa.Engine]
    far_sides: dict[str, str]
    held_by: dict[str, FarStore]
    forms_of_partner: dict[str, set[str]]
    shown: set[tuple[str, int]] = field(default_factory=set)
    """Submission and round of the journeys that the gateway has shown as they were acknowledged."""

    def rows(self, service: str, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a read-only question to one service's database."""
        with self.engines[service].connect() as connection:
            return [dict(row) for row in connection.execute(sa.text(query), values).mappings()]


def newest(journeys: list[Journey]) -> dict[tuple[str, str, str], Journey]:
    """Return the last approved journey of every key: what must stand in the warehouse."""
    result: dict[tuple[str, str, str], Journey] = {}
    for journey in journeys:
        known = result.get(journey.key)
        if known is None or journey.round > known.round:
            result[journey.key] = journey
    return result


def assert_nothing_lost_or_doubled(stores: Stores, journeys: list[Journey], patience: float = 90.0) -> dict[str, int]:
    """Wait until everything acknowledged has arrived everywhere, then check that it arrived once. Return counts."""
    _wait(lambda: _warehouse_differs(stores, journeys), patience)
    _wait(lambda: _far_sides_differ(stores, journeys), patience)
    _wait(lambda: _ledger_differs(stores, journeys), patience)
    _check_receipts(stores, journeys)
    _check_rounds(stores, journeys)
    _check_shown(stores, journeys)
    _check_warehouse_once(stores)
    _check_journals(stores)
    _check_chains(stores)
    dead = stores.rows("integration", "select queue, error from dead_letters where state = 'dead'")
    assert dead == [], f"dead letters: {dead}"
    return {
        "submissions": len(newest(journeys)),
        "rounds": len(journeys),
        "receipts": sum(len(journey.receipts) for journey in journeys),
        "figures": sum(len(journey.values) for journey in journeys),
    }


def _wait(difference: Any, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        found = difference()
        if not found:
            return
        if time.monotonic() > end:
            raise AssertionError(f"after {patience:.0f} s still: {found}")
        time.sleep(0.3)


def _warehouse_differs(stores: Stores, journeys: list[Journey]) -> str:
    query = (
        "select form, unit, period, round, indicator, trim_scale(value)::text as value from observations "
        "where superseded_batch is null and not derived"
    )
    held: dict[tuple[str, str, str], dict[str, str]] = {}
    rounds: dict[tuple[str, str, str], set[int]] = {}
    for row in stores.rows("indicators", query):
        key = row["form"], row["unit"], row["period"]
        held.setdefault(key, {})[row["indicator"]] = row["value"]
        rounds.setdefault(key, set()).add(row["round"])
    for key, journey in newest(journeys).items():
        if (found := held.get(key, {})) != journey.values:
            asked = [(item.round, item.approved_hash[:8]) for item in journeys if item.key == key]
            return f"warehouse of {key}: rounds {rounds.get(key)}, {asked}, {_delta(found, journey.values)}"
    return ""


def _far_sides_differ(stores: Stores, journeys: list[Journey]) -> str:
    for partner, far in stores.held_by.items():
        store = far.held()
        for (form, _unit, period), journey in newest(journeys).items():
            if form not in stores.forms_of_partner[partner]:
                continue
            held = store.get((form, period), {})
            missing = {name: value for name, value in journey.values.items() if held.get(name) != value}
            if missing:
                return f"{partner} of {journey.key} lacks or differs in {missing}"
    return ""


def _ledger_differs(stores: Stores, journeys: list[Journey]) -> str:
    rows = stores.rows(
        "integration",
        "select count(*) as n from ledger where expected_hash is distinct from acknowledged_hash",
    )
    if rows[0]["n"]:
        return f"{rows[0]['n']} ledger entries are expected but not acknowledged"
    held = stores.rows("integration", "select distinct partner, form, unit, period from ledger")
    known = {(row["partner"], row["form"], row["unit"], row["period"]) for row in held}
    for partner, forms in stores.forms_of_partner.items():
        for form, unit, period in newest(journeys):
            if form in forms and (partner, form, unit, period) not in known:
                return f"the ledger of {partner} does not know {form} {period}"
    return ""


def _check_receipts(stores: Stores, journeys: list[Journey]) -> None:
    rows = stores.rows("submissions", "select receipt_id, processed_at, counts from receipts")
    receipts = {row["receipt_id"]: row for row in rows}
    for journey in journeys:
        for receipt_id, figures in journey.receipts.items():
            row = receipts[receipt_id]
            taken = row["counts"].get("accepted", 0) + row["counts"].get("unchanged", 0)
            assert (row["processed_at"] is not None, taken) == (True, len(figures)), f"receipt {receipt_id}: {row}"


def _check_rounds(stores: Stores, journeys: list[Journey]) -> None:
    query = "select s.id::text as id, r.round, r.content from rounds r join submissions s on s.number = r.submission"
    frozen = {(row["id"], row["round"]): row["content"] for row in stores.rows("submissions", query)}
    for journey in journeys:
        content = json.loads(bytes(frozen[journey.submission_id, journey.round]))
        held = {item["indicator"]: item["value"] for item in content}
        assert held == journey.values, f"round {journey.round} of {journey.key}: {_delta(held, journey.values)}"
    decided = stores.rows(
        "approval", "select submission_id, round, count(*) as n from cases group by 1, 2 having count(*) > 1"
    )
    assert decided == [], f"more than one case for a round: {decided}"


def _check_shown(stores: Stores, journeys: list[Journey]) -> None:
    standing = newest(journeys)
    for journey in journeys:
        if (journey.submission_id, journey.round) in stores.shown:
            continue
        path = f"/v1/submissions/{journey.submission_id}"
        detail = stores.portal.ask("GET", path, params={"round": journey.round}).json()
        held = {item["indicator"]: item["value"] for item in detail["figures"]}
        assert held == journey.values, f"shown of round {journey.round} of {journey.key}: {held}"
        if standing[journey.key] is journey:
            form, unit, period = journey.key
            query = {"form": form, "unit": unit, "period_from": period, "period_to": period, "limit": 500}
            page = stores.portal.ask("GET", "/v1/observations", params=query).json()
            held = {row["indicator"]: row["value"] for row in page["observations"] if not row["derived"]}
            assert held == journey.values, f"shown of the warehouse of {journey.key}: {held}"
        stores.shown.add((journey.submission_id, journey.round))


def _check_warehouse_once(stores: Stores) -> None:
    doubled = stores.rows(
        "indicators",
        "select indicator, unit, period, count(*) as n from observations where superseded_batch is null "
        "group by 1, 2, 3 having count(*) > 1",
    )
    assert doubled == [], f"observations that stand twice: {doubled}"


def _check_journals(stores: Stores) -> None:
    sent = stores.rows("integration", "select message_id::text as id from deliveries where kind = 'repair'")
    repairs = {row["id"] for row in sent}
    for partner, far in stores.held_by.items():
        applied = [item for item in far.applied() if item.message_id not in repairs]
        messages = [item.message_id for item in applied]
        assert len(messages) == len(set(messages)), f"{partner} applied a message twice"
        versions = [item.about for item in applied if item.about is not None]
        assert len(versions) == len(set(versions)), f"{partner} was sent a version twice under two message ids"


def _check_chains(stores: Stores) -> None:
    """Check that the audit trails and the message log are as they were sealed."""
    for service, engine in stores.engines.items():
        with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False)) as plain:
            for chain in (AUDIT, MESSAGES):
                if chain.stands_in(plain):
                    found = chain.verify(plain)
                    assert found.holds, f"{chain.table} of {service} is broken at {found.broken_at}: {found.reason}"


def _delta(held: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    names = sorted(held.keys() | expected.keys())
    return {name: (held.get(name), expected.get(name)) for name in names if held.get(name) != expected.get(name)}
