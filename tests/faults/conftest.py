"""A whole hub on servers of its own for the fault suite: they may be killed and cut at will."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

import catalogue
from hub.ground.installation import Installation
from hub.ground.processes import SERVICES
from hub.settings import HubSettings
from shared.servers.broker import PrivateBroker
from shared.servers.postgres import EmbeddedPostgres
from shared.settings import database_url
from shared.storage import engine_for_url
from shared.testing.servers import need_broker_programs
from tests.faults.compare import Simulator, Stores, assert_nothing_lost_or_doubled
from tests.faults.load import Client, Door, Journey
from tests.faults.neighbours import FORMS, Neighbours, neighbours

CLERKS = {
    "DS-NAM": "stk",
    "NN-NAM": "snnmt",
    "GD-NAM": "sgddt",
    "YT-NAM": "syt",
    "TM-NAM": "sct",
    "VT-NAM": "sxd",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a fault test."""
    folder = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(folder):
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(600))


@dataclass
class Rig:
    """One running hub, the means to hurt it, and the load client's log of everything it acknowledged."""

    installation: Installation
    postgres: EmbeddedPostgres
    broker: PrivateBroker
    failpoints: Path
    client: Client
    stores: Stores
    system: Callable[[str], Door]
    around: Neighbours
    doors: list[Door] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    equal: bool = False
    _next: list[tuple[str, str]] = field(default_factory=list)

    def journeys(self, count: int) -> list[Journey]:
        """Return so many new journeys with figures that satisfy the catalogue's rules; keys are reused in turn, so
        that later ones are corrections of earlier ones."""
        made = []
        for _ in range(count):
            form, period = self._next.pop(0)
            self._next.append((form, period))
            made.append(Journey(form, "LC", period, consistent_figures(form)))
        return made

    def arm(self, process: str, failpoint: str, unharmed: int = 0) -> None:
        """Let `process` die the next time it comes to `failpoint`, after so many times that it comes by unharmed."""
        spot, made = f"{process}.{failpoint}", self.failpoints / f"{process}.{failpoint}"
        made.write_text(str(unharmed))
        made.rename(self.failpoints / "armed" / spot)

    def armed(self) -> set[str]:
        """Return what is armed and has not struck yet."""
        return {path.name for path in (self.failpoints / "armed").iterdir()}

    def disarm(self) -> None:
        """Take back what has not struck."""
        for path in (self.failpoints / "armed").iterdir():
            path.unlink(missing_ok=True)

    def hits(self) -> set[str]:
        """Return every `<process>.<failpoint>` that was reached so far."""
        return {path.name for path in (self.failpoints / "hits").iterdir()}

    def restarted(self, process: str, before: int) -> None:
        """Wait until the supervisor runs `process` under another process id than `before`."""
        wait_until(lambda: self.installation.supervisor.pid(process) not in {0, before}, f"{process} again")

    def check(self) -> dict[str, int]:
        """Compare everything acknowledged so far with everything stored."""
        self.equal = False
        counts = assert_nothing_lost_or_doubled(self.stores, self.client.journeys)
        self.equal = True
        return counts

    def close(self) -> None:
        """Give all connections back."""
        for door in self.doors:
            door.close()
        for engine in self.stores.engines.values():
            engine.dispose()

    def far_fault(self, partner: str, *faults: dict[str, object]) -> None:
        """Arm faults at a partner's stand-in."""
        address = self.stores.far_sides[partner]
        httpx.post(f"{address}/control/faults", json=list(faults), timeout=10).raise_for_status()


def wait_until(question: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a fact. Raises AssertionError naming it."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


_catalogue = cache(catalogue.read)


def consistent_figures(form: str) -> dict[str, str]:
    """Return random values for every entered indicator of `form` whose parts add up to their totals."""
    body = _catalogue()
    indicators = {item["id"]: item for item in body["indicators"]}
    entered = next(item for item in body["forms"] if item["id"] == form)["indicators"]
    values: dict[str, str] = {}
    for name in entered:
        parts: dict[str, list[str]] = {}
        for child in entered:
            if indicators[child]["parent"] == name:
                parts.setdefault(indicators[child]["breakdown"]["dimension"], []).append(child)
        if not parts and indicators[name]["parent"] is None:
            values[name] = str(random.randint(1, 90))
        elif parts:
            total = random.randint(100, 900)
            values[name] = str(total)
            for children in parts.values():
                rest = total
                for child in children[:-1]:
                    values[child] = str(rest // 3)
                    rest -= rest // 3
                values[children[-1]] = str(rest)
    return values


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ports() -> Iterator[int]:
    """Return free ports of a block that is this pytest worker's own, below those that the system gives to outgoing
    connections: what is killed and started again must find its port as it left it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    for port in range(20_000 + 500 * int(worker), 20_500 + 500 * int(worker)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                yield port


@pytest.fixture(autouse=True)
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note what each test put through the hub; with HUB_FAULT_RESULTS=<file> the table of docs/faults.md is written,
    by each pytest worker a part under a name of its own."""
    if "rig" not in request.fixturenames:
        yield
        return
    rig: Rig = request.getfixturevalue("rig")
    journeys, began, rig.equal = len(rig.client.journeys), time.monotonic(), False
    repeats = sum(door.repeats for door in rig.doors)
    yield
    new = rig.client.journeys[journeys:]
    if not new:
        return
    figures = sum(len(journey.values) for journey in new)
    repeated = sum(door.repeats for door in rig.doors) - repeats
    seconds = time.monotonic() - began
    verdict = "0 | 0" if rig.equal else "not compared | not compared"
    name = request.node.name.removeprefix("test_").replace("_", " ")
    rig.results.append(f"| {name} | {len(new)} | {figures} | {repeated} | {verdict} | {seconds:.0f} |")
    if path := os.environ.get("HUB_FAULT_RESULTS"):
        path += os.environ.get("PYTEST_XDIST_WORKER", "")
        head = "| fault | rounds | figures | client repeats | lost | doubled | seconds |\n|---|---|---|---|---|---|---|"
        Path(path).write_text("\n".join([head, *rig.results, ""]))


@pytest.fixture(scope="package")
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Start servers, hub and far sides; stop and remove all of it after the folder's last test. After a failure the
    logs stay in `hub-faults-last` in the folder for temporary files."""
    need_broker_programs()
    folder = Path(tempfile.mkdtemp(prefix="hub-faults-"))
    folder.chmod(0o755)
    free = ports()
    postgres = EmbeddedPostgres(folder / "postgres", next(free)).start()
    broker = PrivateBroker(folder / "rabbitmq", next(free)).start()
    failpoints = folder / "failpoints"
    for name in ("armed", "hits"):
        (failpoints / name).mkdir(parents=True)
    os.environ["HUB_FAILPOINTS_DIR"] = str(failpoints)
    os.environ.update(WAITS)
    settings = HubSettings(
        var=folder / "var",
        secrets=folder / "var" / "secrets",
        postgres_url=postgres.url,
        amqp_url=broker.url,
        gateway_url="",
        gateway_port=next(free),
        national_port=next(free),
        ministry_port=next(free),
        metrics_port=next(free),  # and the ones that follow
        ready_seconds=240,  # other tests share the processors
    )
    object.__setattr__(settings, "gateway_url", f"http://127.0.0.1:{settings.gateway_port}")
    installation = Installation(settings, lambda line: None)
    try:
        installation.up()
        operator = installation.operator()

        def put(partner: str, document: dict[str, Any]) -> None:
            operator.ask("PUT", f"/v1/partners/{partner}", json=document)

        with neighbours(settings, put) as around:
            made = assembled(installation, postgres, broker, failpoints, around)
            yield made
            made.close()
    except BaseException:
        _keep_logs(settings.var / "log")
        raise
    finally:
        if request.session.testsfailed:
            _keep_logs(settings.var / "log")
        installation.supervisor.stop()
        broker.destroy()
        postgres.destroy()
        for name in ("HUB_FAILPOINTS_DIR", *WAITS):
            os.environ.pop(name, None)
        shutil.rmtree(folder, ignore_errors=True)


def _keep_logs(log: Path) -> None:
    keep = Path(tempfile.gettempdir()) / f"hub-faults-last{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    shutil.rmtree(keep, ignore_errors=True)
    if log.exists():
        shutil.copytree(log, keep)


WAITS = {"HUB_INTEGRATION_TIMEOUT_SECONDS": "2", "HUB_RPC_TIMEOUT_SECONDS": "20"}
"""A partner's time-out is short enough for a test. A caller's is long: beside other tests a process that is replaced
may be away for longer than callers usually wait, and that is not what is tested."""


def assembled(
    installation: Installation,
    postgres: EmbeddedPostgres,
    broker: PrivateBroker,
    failpoints: Path,
    around: Neighbours,
) -> Rig:
    """Return the rig around a hub that runs."""
    settings = installation.settings
    accounts = json.loads((settings.secrets / "demo_accounts.json").read_text())
    people, clients = accounts["people"], accounts["clients"]

    opened: list[Door] = []

    def door(grant: dict[str, str]) -> Door:
        opened.append(Door(settings.gateway_url, grant))
        return opened[-1]

    def person(username: str) -> Door:
        return door({"grant_type": "password", "username": username, "password": people[username]})

    def system(client_id: str) -> Door:
        grant = {"grant_type": "client_credentials", "client_id": client_id}
        return door({**grant, "client_secret": clients[client_id]})

    doors = {f"{part}.{role}": person(f"{part}.{role}") for part in CLERKS.values() for role in ("nhaplieu", "lanhdao")}
    pusher, operator = system("tai-thu"), system("van-hanh")
    partners = json.loads((Path(catalogue.__file__).parent / "partners.json").read_text())
    simulators = {
        "quoc-gia": f"http://127.0.0.1:{settings.national_port}",
        "bo-nganh": f"http://127.0.0.1:{settings.ministry_port}",
    }
    prefixes = {"quoc-gia": "T12."}
    stores = Stores(
        portal=system("cong-noi-bo"),
        engines={
            service: engine_for_url(database_url(postgres.url, settings.database_prefix + service))
            for service in SERVICES
        },
        far_sides=simulators | around.addresses,
        held_by={name: Simulator(place, prefixes.get(name, "")) for name, place in simulators.items()} | around.stores,
        forms_of_partner={item["id"]: set(item["forms"]) for item in partners["partners"] if item["forms"]}
        | {name: set(FORMS[name]) for name in around.documents},
    )
    rig = Rig(
        installation,
        postgres,
        broker,
        failpoints,
        Client(
            system=lambda: pusher,
            clerk=lambda form: doors[f"{CLERKS[form]}.nhaplieu"],
            leader=lambda form: doors[f"{CLERKS[form]}.lanhdao"],
            reader=lambda: system("cong-noi-bo"),
            operator=lambda: operator,
        ),
        stores,
        system,
        around,
        opened,
    )
    rig._next = [(form, str(year)) for year in range(2005, 2017) for form in CLERKS]
    wait_until(lambda: _obligations(stores), "obligations of the catalogue")
    return rig


def _obligations(stores: Stores) -> bool:
    with stores.engines["submissions"].connect() as connection:
        return bool(connection.execute(sa.text("select count(*) from submissions")).scalar())
