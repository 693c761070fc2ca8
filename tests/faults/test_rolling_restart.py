"""Every process restarted, one after the other, under load: no request fails, nothing is lost."""

from __future__ import annotations

import sys
import threading
import time

from hub.ground.processes import processes
from hub.ground.restarting import restart
from tests.faults.conftest import Rig


def test_no_request_fails_while_every_process_is_restarted(rig: Rig) -> None:
    """The client's own count of requests that it had to repeat stays where it was: none was refused or cut off."""
    failures: list[BaseException] = []
    over = threading.Event()
    supervisor = rig.installation.supervisor
    ours = [process.name for process in processes(rig.installation.settings) if process.metrics]
    before = {name: supervisor.pid(name) for name in ours}

    def drive() -> None:
        try:
            # Two callers keep a request under way at every moment; more would only make the restarts wait for them.
            while not over.is_set():
                rig.client.run(rig.journeys(4), workers=2)
        except BaseException as error:
            failures.append(error)

    known = {id(door): len(door.troubles) for door in rig.doors}
    repeats, requests = sum(door.repeats for door in rig.doors), sum(door.requests for door in rig.doors)
    load = threading.Thread(target=drive)
    load.start()
    began = time.monotonic()
    try:
        taken = restart(rig.installation)
    finally:
        over.set()
        load.join(240)
    seconds = time.monotonic() - began
    asked = sum(door.requests for door in rig.doors) - requests
    repeated = sum(door.repeats for door in rig.doors) - repeats
    slowest = max(door.slowest for door in rig.doors)
    each = ", ".join(f"{name} {spent:.1f}" for name, spent in taken.items())
    sys.stdout.write(
        f"\nrolling restart: {seconds:.1f} s, {asked} requests, {repeated} failed, slowest {slowest:.1f} s; {each}\n"
    )
    assert not load.is_alive(), "the load did not end"
    assert failures == []
    assert [trouble for door in rig.doors for trouble in door.troubles[known.get(id(door), 0) :]] == []
    assert repeated == 0
    assert asked > 100
    assert all(supervisor.pid(name) not in (0, pid) for name, pid in before.items())
    assert set(taken) == set(ours)
    rig.check()
