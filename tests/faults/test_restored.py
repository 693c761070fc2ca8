"""Each service in turn is put back to an older copy and healed: nothing acknowledged since is lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from hub.ground import backups
from hub.ground.healing import heal, tell_the_rest
from hub.ground.processes import SERVICES, processes
from hub.ground.supervise import wait_running
from shared.settings import database_url
from tests.faults.conftest import Rig, consistent_figures, wait_until
from tests.faults.load import Journey

# The journal's keeper comes last: what it kept since the copy is what heals the others.
IN_TURN = ("submissions", "approval", "indicators", "notifications", "accounts", "integration")
FAR = ("national", "ministry")
REASON = "số liệu chưa khớp với báo cáo của huyện"


@dataclass
class Copied:
    """An older copy, and what was acknowledged after it beside the load client's own journeys."""

    backup: Path
    draft: str
    by_hand: dict[str, str]
    returned: str
    notices: set[str]


@pytest.fixture(scope="module")
def copied(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Copied:
    """Put figures through the hub, copy all databases, put more and corrections of the first through."""
    before = rig.journeys(3)
    rig.client.run(before)
    rig.check()
    urls = {service: rig.installation.urls[service] for service in SERVICES}
    prefix = rig.installation.settings.database_prefix
    backup = backups.back_up(urls, prefix, tmp_path_factory.mktemp("backups"), lambda line: None)
    rig.client.run([Journey(old.form, old.unit, old.period, consistent_figures(old.form)) for old in before[:1]])
    rig.client.run(rig.journeys(2))
    draft, by_hand = _entered_by_hand(rig, _untouched("DS-NAM"))
    returned = _returned(rig, _untouched("NN-NAM"))
    rig.check()
    return Copied(backup, draft, by_hand, returned, _notices(rig))


@pytest.mark.parametrize("service", IN_TURN)
def test_an_older_copy_is_healed(rig: Rig, copied: Copied, service: str) -> None:
    installation = rig.installation
    rig.equal = False
    _all(rig, installation.supervisor.stop_process)
    manifest = backups.verified(copied.backup)
    prefix = installation.settings.database_prefix
    tell_the_rest(installation, service)
    owner, admin = installation.urls[service], installation.state.postgres_url
    backups.restore(copied.backup, manifest, service, owner, admin, prefix)
    assert service == "accounts" or _taken(rig, service) < _taken(rig, service, backups.REPLACED)
    found = heal(installation, service)
    assert (found.refused, found.differences) == ([], [])
    assert (found.events + found.commands > 0) == (service != "accounts")
    again = heal(installation, service)
    assert (again.events, again.commands) == (0, 0)
    _all(rig, installation.supervisor.start_process)
    wait_running(installation.supervisor, installation.settings.ready_seconds)
    rig.check()
    clerk = rig.client.clerk("DS-NAM")
    figures = clerk.ask("GET", f"/v1/submissions/{copied.draft}").json()["figures"]
    assert {item["indicator"]: item["value"] for item in figures} == copied.by_hand
    assert _state(rig, copied.returned) == "returned"
    case = rig.client.leader("NN-NAM").ask("GET", f"/v1/cases/{copied.returned}/1").json()
    assert (case["state"], [reason["text"] for reason in case["reasons"]]) == ("returned", [REASON])
    assert _notices(rig) >= copied.notices
    rig.client.run(rig.journeys(1))
    rig.check()


def _untouched(form: str) -> Journey:
    """Return a journey of a year that none of the rig's own is about: whatever ran before, it is only due."""
    return Journey(form, "LC", "2017", consistent_figures(form))


def _all(rig: Rig, do: Callable[[str], None]) -> None:
    """Do it to every process of the hub's own, at once: the far sides, who keep what they hold in memory, stay."""
    with ThreadPoolExecutor() as pool:
        names = [process.name for process in processes(rig.installation.settings)]
        list(pool.map(do, (name for name in names if name not in FAR)))


def _entered_by_hand(rig: Rig, journey: Journey) -> tuple[str, dict[str, str]]:
    """Enter a draft's figures by hand and leave it at that."""
    clerk = rig.client.clerk(journey.form)
    found = clerk.ask("GET", "/v1/submissions", params=rig.client._query(journey)).json()["submissions"][0]
    for name, value in journey.values.items():
        clerk.ask("PUT", f"/v1/submissions/{found['id']}/figures/{name}", json={"value": value})
    return found["id"], journey.values


def _returned(rig: Rig, journey: Journey) -> str:
    """Have a round returned with a reason."""
    rig.client.push(journey)
    rig.client.submit(journey)
    leader, path = rig.client.leader(journey.form), f"/v1/cases/{journey.submission_id}/{journey.round}"
    wait_until(lambda: leader.ask("GET", path, settle=(200, 404)).status_code == 200, "the case")
    body = {"content_hash": journey.approved_hash, "reasons": [{"text": REASON}]}
    leader.ask("POST", f"{path}/return", json=body)
    wait_until(lambda: _state(rig, journey.submission_id) == "returned", "the return")
    return journey.submission_id


def _state(rig: Rig, submission: str) -> str:
    query = (
        "select r.state from rounds r join submissions s on s.number = r.submission where s.id = :id and r.round = 1"
    )
    return "".join(row["state"] for row in rig.stores.rows("submissions", query, id=submission))


def _notices(rig: Rig) -> set[str]:
    return {row["topic"] for row in rig.stores.rows("notifications", "select topic from entries")}


def _taken(rig: Rig, service: str, suffix: str = "") -> int:
    """Return how many messages a database has taken effect of."""
    name = rig.installation.settings.database_prefix + service + suffix
    with psycopg.connect(database_url(rig.postgres.url, name)) as connection:
        row = connection.execute("select count(*) from inbox").fetchone()
    return row[0] if row else 0
