"""Two people at once, and a system that pushes late: the outcome is the one the design names."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.faults.conftest import Rig, wait_until
from tests.faults.load import Door, Journey


def submitted(rig: Rig) -> Journey:
    """Return a journey whose case a leader can find, and nothing decided."""
    [journey] = rig.journeys(1)
    rig.client.push(journey)
    rig.client.submit(journey)
    leader = rig.client.leader(journey.form)
    path = f"/v1/cases/{journey.submission_id}/{journey.round}"
    wait_until(lambda: leader.ask("GET", path, settle=(200, 404)).status_code == 200, "the case")
    return journey


def at_once(*calls: tuple[Door, str, dict[str, object]]) -> list[httpx.Response]:
    """Make these POSTs at the same moment; a refusal is an answer, too."""
    for door, _, _ in calls:
        door.ask("GET", "/v1/submissions", params={"limit": "1"})  # signed in before the race
    with ThreadPoolExecutor(len(calls)) as pool:
        asked = [pool.submit(door._once, "POST", path, {"json": body}) for door, path, body in calls]
        answers = [future.result() for future in asked]
    return [answer for answer in answers if answer is not None]


def state_of(rig: Rig, journey: Journey) -> str:
    """Return the state of the journey's case."""
    path = f"/v1/cases/{journey.submission_id}/{journey.round}"
    return str(rig.client.leader(journey.form).ask("GET", path).json()["state"])


def test_two_decisions_at_once_one_wins_and_the_other_is_told(rig: Rig) -> None:
    for _ in range(3):
        journey = submitted(rig)
        leader = rig.client.leader(journey.form)
        path = f"/v1/cases/{journey.submission_id}/{journey.round}"
        reasons = [{"text": "Đề nghị kiểm tra lại."}]
        answers = at_once(
            (leader, f"{path}/approve", {"content_hash": journey.approved_hash}),
            (leader, f"{path}/return", {"content_hash": journey.approved_hash, "reasons": reasons}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        [won] = [answer.json()["state"] for answer in answers if answer.status_code == 200]
        assert state_of(rig, journey) == won
        if won == "approved":
            rig.client.journeys.append(journey)
    rig.check()


def test_withdrawing_against_approving_one_wins(rig: Rig) -> None:
    for _ in range(3):
        journey = submitted(rig)
        case = f"/v1/cases/{journey.submission_id}/{journey.round}"
        answers = at_once(
            (rig.client.leader(journey.form), f"{case}/approve", {"content_hash": journey.approved_hash}),
            (
                rig.client.clerk(journey.form),
                f"/v1/submissions/{journey.submission_id}/withdraw",
                {"round": journey.round},
            ),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        if state_of(rig, journey) == "approved":
            rig.client.journeys.append(journey)
    rig.check()


def test_the_same_approval_twice_is_one_approval(rig: Rig) -> None:
    journey = submitted(rig)
    leader = rig.client.leader(journey.form)
    path = f"/v1/cases/{journey.submission_id}/{journey.round}/approve"
    answers = at_once(*[(leader, path, {"content_hash": journey.approved_hash})] * 2)
    assert [answer.status_code for answer in answers] == [200, 200]
    rig.client.journeys.append(journey)
    rig.check()


def test_an_approval_of_other_content_than_was_read_is_refused(rig: Rig) -> None:
    journey = submitted(rig)
    leader = rig.client.leader(journey.form)
    path = f"/v1/cases/{journey.submission_id}/{journey.round}/approve"
    refused = leader._once("POST", path, {"json": {"content_hash": "0" * 64}})
    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (409, "approval.other_content")
    leader.ask("POST", path, json={"content_hash": journey.approved_hash})
    rig.client.journeys.append(journey)
    rig.check()


def test_a_push_after_submitting_is_refused_by_name_and_changes_nothing(rig: Rig) -> None:
    journey = submitted(rig)
    name = sorted(journey.values)[0]
    body = {
        "form": journey.form,
        "unit": journey.unit,
        "period": journey.period,
        "figures": [{"indicator": name, "value": "7"}],
    }
    for state in ("submission.submitted", "submission.approved"):
        system = rig.client.system()
        answer = system.ask("POST", "/v1/data", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        receipt = answer.json()["receipt_id"]
        rig.client._settled(system, receipt)
        [outcome] = system.ask("GET", f"/v1/receipts/{receipt}").json()["outcomes"]
        assert (outcome["outcome"], outcome["code"]) == ("refused", state)
        if state == "submission.submitted":
            rig.client.approve(journey)
            rig.client.journeys.append(journey)
            query = {"form": journey.form, "unit": journey.unit, "period": journey.period}

            def approved(door: Door = rig.stores.portal, query: dict[str, str] = query) -> bool:
                found = door.ask("GET", "/v1/submissions", params=query).json()["submissions"][0]
                return bool(found["state"] == "approved")

            wait_until(approved, "the submission is approved")
    rig.check()
