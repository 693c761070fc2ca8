"""Every way a partner can misbehave, over SOAP and REST: each packet is applied once, whatever was answered."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Rig, wait_until

KINDS = ["unavailable", "error", "soap_fault", "malformed", "delay", "timeout_before", "timeout_after", "apply_late"]


@pytest.mark.parametrize("kind", KINDS)
def test_partner(rig: Rig, kind: str) -> None:
    seconds = 1 if kind == "delay" else 8
    for partner in rig.stores.far_sides:
        rig.far_fault(partner, {"kind": kind, "seconds": seconds, "times": 2})
    journeys = [journey for journey in rig.journeys(6) if journey.form in {"GD-NAM", "YT-NAM", "NN-NAM"}]
    rig.client.run(journeys, workers=3)
    rig.check()


def test_a_refused_packet_is_told_to_a_person_and_sent_again_on_demand(rig: Rig) -> None:
    rig.far_fault("quoc-gia", {"kind": "refuse"})
    [journey] = [journey for journey in rig.journeys(6) if journey.form == "VT-NAM"][:1]
    rig.client.run([journey])
    operator = rig.system("van-hanh")

    def rejected() -> bool:
        query = {"partner": "quoc-gia", "state": "rejected"}
        return bool(operator.ask("GET", "/v1/deliveries", params=query).json()["deliveries"])

    wait_until(rejected, "the refused delivery is shown")
    answer = operator.ask("POST", "/v1/partners/quoc-gia/sync")
    assert answer.json()["due"] >= 1
    rig.check()
