"""The relay: one process that carries every service's outbox to the broker and keeps the backbone's tables in order.

Owns: the `sent_at` of outbox rows, the sealing of audit entries, the retention of outbox and inbox, the backbone's
gauges. RPC: none. Events in: none; out: whatever the services' outboxes hold. It never writes an outbox row, reads a
business table or looks into a body, and it runs without eventlet, because pika's asyncio connection, which confirms
in windows, needs a real event loop.

`python -m hub.process relay` runs `main`. Any number may run: of one database's outbox one relay is active, others
stand by and take over when its connection ends.
"""

from shared.relay.process import main

__all__ = ["main"]
