"""How a relay that has nothing to do is woken, without every commit paying for it.

A NOTIFY in every transaction makes commits wait for one another. So a relay that lies down takes a lock, and whoever
writes an outbox row tries to share it: while the relay is awake that succeeds and nothing is notified, while it is
asleep it fails and the row's commit wakes it. None falls between: who shares the lock holds it to the end of his
transaction, so the relay gets it only when those rows can be seen, and looks once more before it sleeps.
"""

from __future__ import annotations

CHANNEL = "hub_outbox"
_KEY = "hashtext('hub.relay.asleep')"

LISTEN = f"LISTEN {CHANNEL}"
LIE_DOWN = f"SELECT pg_try_advisory_lock({_KEY})"
"""For the relay: true when it may sleep, false while a transaction that writes to the outbox is under way."""

GET_UP = f"SELECT pg_advisory_unlock({_KEY})"

WOKEN = (
    f"(SELECT count(pg_notify('{CHANNEL}', '')) FROM (SELECT 1) AS once"  # noqa: S608 -- constants only
    f" WHERE NOT pg_try_advisory_xact_lock_shared({_KEY})) AS woken"
)
"""For an INSERT … SELECT into the outbox: one row to join with, which wakes a relay that sleeps."""
