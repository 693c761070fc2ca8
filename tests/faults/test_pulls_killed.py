"""A source pulled from while the worker is killed and the source misbehaves: every figure arrives, and arrives once."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
import pytest

import catalogue
from services.integration.domain.partners import Partner, Permission
from services.integration.storage import partners as partner_rows
from shared.failpoints import FAILPOINTS
from shared.storage import UnitOfWork
from tests.faults.conftest import Rig, wait_until

PULLING = [name for name in FAILPOINTS if name.startswith("pull.")]
FORM, SOURCE = "NN-THANG", "nguon-thu"
DECLARED: dict[str, Any] = {
    "forms": [FORM],
    "path": "/api/source/cursor",
    "schedule": {"every_seconds": 3600},
    "watermark": {"parameter": "since", "overlap": 60},
    "paging": {"kind": "cursor", "parameter": "cursor", "next": "next", "size_parameter": "limit", "size": 4,
               "total": "total"},
    "rows": {"at": "rows", "unit": "unit", "period": "period", "indicator": "indicator", "value": "value",
             "mark": "changed_at", "deleted": "deleted"},
}  # fmt: skip


def _entered() -> list[str]:
    body = catalogue.read()
    whole = {item["id"] for item in body["indicators"] if item.get("minimum") in (None, "0", 0)}
    form = next(item for item in body["forms"] if item["id"] == FORM)
    return [name for name in form["indicators"] if name in whole][:10]


def _open_period(rig: Rig) -> str:
    """Return the first month for which the province owes the form and whose intake is open."""
    owed = (
        "select period from submissions where form = :form and unit = 'LC' and approved_round is null "
        "and (opens_at is null or opens_at < now()) and (closes_at is null or closes_at > now()) "
        "order by period limit 1"
    )
    return str(rig.stores.rows("submissions", owed, form=FORM)[0]["period"])


@pytest.fixture(scope="module")
def source(rig: Rig) -> str:
    """The ministry's stand-in, made a source; its address."""
    address = rig.stores.far_sides["bo-nganh"]
    partner = Partner(
        id=SOURCE,
        name="Hệ thống nguồn (mô phỏng)",
        protocol="rest",
        endpoint=address,
        credential="partner_bo-nganh",
        forms=(),
        permission=Permission(decision="(mô phỏng)", focal_agency="LC-VP", valid_from=date(2024, 1, 1)),
        source=DECLARED,
    )
    with UnitOfWork.for_engine(rig.stores.engines["integration"], "integration")() as unit:
        partner_rows.save(unit.connection, partner)
    return address


@pytest.mark.parametrize(("round_number", "failpoint"), list(enumerate(PULLING)))
def test_killed_while_pulling_at(rig: Rig, source: str, round_number: int, failpoint: str) -> None:
    place = {"unit": "12", "period": _open_period(rig)}
    entered = _entered()
    rows = [{**place, "indicator": name, "value": 10 + round_number} for name in entered]
    httpx.post(f"{source}/control/source/rows", json=rows, timeout=10).raise_for_status()
    faults = [{"kind": kind} for kind in ("duplicate", "out_of_order", "unavailable", "repeat_rows", "error")]
    httpx.post(f"{source}/control/source/faults", json=faults, timeout=10).raise_for_status()
    before = rig.installation.supervisor.pid("integration-worker")
    rig.arm("integration-worker", failpoint)
    operator = rig.system("van-hanh")
    begun = operator.ask("POST", f"/v1/partners/{SOURCE}/pull", json={"again": False}).json()

    def run() -> dict[str, Any]:
        found: dict[str, Any] = operator.ask("GET", f"/v1/pulls/{begun['id']}").json()
        return found

    wait_until(lambda: run()["pull"]["finished_at"], "the end of the pull")
    rig.restarted("integration-worker", before)
    assert rig.armed() == set(), "never reached"
    ended = run()
    assert (ended["pull"]["state"], ended["pull"]["new"], ended["pull"]["pushes"]) == ("succeeded", len(entered), 1)
    [receipt] = ended["receipts"]

    def processed() -> Any:
        answer = operator.ask("GET", f"/v1/pulls/{begun['id']}/receipts/{receipt['receipt_id']}").json()
        return answer if answer["state"] == "processed" else None

    wait_until(processed, "the receipt")
    assert processed()["counts"]["accepted"] == len(entered)
    sent = "select count(*) as n from outbox where event = 'push_accepted' and queue is null"
    assert rig.stores.rows("integration", sent)[0]["n"] == round_number + 1
    held = rig.stores.rows(
        "submissions", "select trim_scale(value)::text as value, receipt_id from figures where receipt_id like 'p\\_%'"
    )
    assert {(row["value"], row["receipt_id"]) for row in held} == {(str(10 + round_number), receipt["receipt_id"])}
    assert len(held) == len(entered)
