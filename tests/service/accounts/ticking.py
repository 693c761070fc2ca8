"""Run alone, under eventlet: check a password while a green thread ticks; print the longest pause in milliseconds
with the work in a native thread, and in the hub itself."""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402 - whatever is imported before patching keeps its blocking parts
import time  # noqa: E402 - the same
from collections.abc import Callable  # noqa: E402 - the same

from services.accounts.passwords import Passwords  # noqa: E402 - the same


def longest_pause(work: Callable[[], object]) -> float:
    """Return the longest pause, in milliseconds, that another green thread saw while `work` ran."""
    pauses: list[float] = []
    done = False

    def tick() -> None:
        last = time.monotonic()
        while not done:
            eventlet.sleep(0.001)
            now = time.monotonic()
            pauses.append(now - last)
            last = now

    ticker = eventlet.spawn(tick)
    eventlet.sleep(0.02)
    work()
    done = True
    ticker.wait()
    return max(pauses) * 1000


# Much dearer than in production, so that a machine's hiccup cannot be taken for it.
passwords = Passwords(memory_kib=65_536, time_cost=4)
kept = passwords.hash("x")
apart = longest_pause(lambda: passwords.matches(kept, "x"))
inside = longest_pause(lambda: passwords._verify(kept, "x"))
sys.stdout.write(f"{apart:.1f} {inside:.1f}\n")
