"""How psycopg waits for PostgreSQL under eventlet: without blocking the hub, at half the cost of `wait_select`.

It looks once whether the answer is there already, and only then gives way to other green threads. So that a long
stream of ready answers starves nobody, it gives way at least every 64 answers.
"""

from __future__ import annotations

from typing import Any

import eventlet
from eventlet import hubs, patcher
from psycopg import OperationalError, waiting

_select: Any = patcher.original("select")
_FAIRNESS = 64
_ready_in_a_row = 0


def wait(gen: Any, fileno: int, interval: float = 0.0, timeout: float | None = None) -> Any:
    """Drive a psycopg generator to its result: the contract of `psycopg.waiting.wait`."""
    global _ready_in_a_row
    if timeout is not None:
        return waiting.wait_select(gen, fileno, interval, timeout)
    poller = _select.poll()
    try:
        wanted = next(gen)
        while True:
            reads, writes = wanted & waiting.WAIT_R, wanted & waiting.WAIT_W
            poller.register(fileno, (_select.POLLIN if reads else 0) | (_select.POLLOUT if writes else 0))
            events = poller.poll(0)
            if not events:
                _ready_in_a_row = 0
                if not (reads and writes):
                    hubs.trampoline(fileno, read=bool(reads) or None, write=bool(writes) or None)
                else:  # eventlet waits for one direction; a full socket with a talking server is rare enough to poll
                    eventlet.sleep(0.001)
                events = poller.poll(0)
            elif (_ready_in_a_row := _ready_in_a_row + 1) >= _FAIRNESS:
                _ready_in_a_row = 0
                eventlet.sleep(0)
            seen = events[0][1] if events else 0
            ready: int = waiting.READY_NONE
            if seen & ~_select.POLLOUT:  # data, or an error that reading will tell
                ready |= waiting.READY_R if reads else waiting.READY_W
            if seen & _select.POLLOUT:
                ready |= waiting.READY_W
            wanted = gen.send(waiting.Ready(ready))
    except StopIteration as end:
        return end.value
    except OSError as error:
        raise OperationalError("connection socket closed") from error


def install() -> None:
    """Make psycopg wait so in this process."""
    waiting.wait = wait
