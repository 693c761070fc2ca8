"""A backlog of 100,000 messages: the relay empties the outbox, then the worker the queue, and neither grows."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.ground import Ground
from bench.outbox import line, start_relay, start_worker
from bench.rest import rss_mb
from bench.result import Measure, Result

_MOST_SECONDS = 240.0


def run(ground: Ground) -> Result:
    """Let 100,000 messages pile up in the queue, then start a worker; sample both processes' memory."""
    count = 10_000 if ground.quick else 100_000
    way = line(ground, setwise=False)
    start_worker(ground, way.worker)
    ground.stop_toys()
    way.fill(count)
    relay = start_relay(ground)
    published, relay_sizes = _watched(relay, count, way.sent)
    ground.stop_toys()
    worker = start_worker(ground, way.worker)
    drained, worker_sizes = _watched(worker, count, way.effects)
    return Result(
        "backlog",
        [
            Measure(f"{count:,} messages published by the relay", count / published, "msg/s"),
            Measure(f"{count:,} messages drained by the worker", count / drained, "msg/s"),
            Measure("relay's memory, end against first fifth", _growth(relay_sizes), "times", bar=1.1, least=False),
            Measure("worker's memory, end against first fifth", _growth(worker_sizes), "times", bar=1.1, least=False),
        ],
        [f"worker {worker_sizes[0]:.0f} to {worker_sizes[-1]:.0f} MB, at most {max(worker_sizes):.0f} MB"],
    )


def _watched(pid: int, count: int, done: Callable[[], int]) -> tuple[float, list[float]]:
    """Return the seconds until `done` reaches `count`, and the process's sizes on the way."""
    begun = time.perf_counter()
    sizes = []
    while True:
        reached = done()
        sizes.append(rss_mb(pid))
        if reached >= count:
            return time.perf_counter() - begun, sizes
        if time.perf_counter() - begun > _MOST_SECONDS:
            raise TimeoutError(f"{reached} of {count} after {_MOST_SECONDS:.0f} s")
        time.sleep(0.25)


def _growth(sizes: list[float]) -> float:
    early = sizes[: max(1, len(sizes) // 5)]
    return sizes[-1] / max(early)
