"""Metrics that every process has, by `hub_<part>_<what>_<unit or total>`; labels come from closed sets, never ids.

Services define their own in their packages. Each metric stands in docs/metrics.md, which a test compares.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

MESSAGES_HANDLED = Counter(
    "hub_messages_handled_total",
    "Messages taken from a queue, by outcome: done, duplicate, retried, dead",
    ["queue", "outcome"],
)
HANDLER_SECONDS = Histogram(
    "hub_handler_seconds", "Time from taking a batch of messages to its commit", ["queue"], buckets=_SECONDS
)
BATCH_MESSAGES = Histogram(
    "hub_batch_messages", "Messages per batch", ["queue"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
RPC_SECONDS = Histogram(
    "hub_rpc_seconds",
    "Time a call takes at the service that answers it, by outcome: ok, or the class of error",
    ["service", "method", "outcome"],
    buckets=_SECONDS,
)
REMOTE_CALLS = Counter(
    "hub_remote_calls_total",
    "Calls made to other services, by outcome: ok, or the class of error",
    ["target", "outcome"],
)
TIMER_RUNS = Counter(
    "hub_timer_runs_total", "Runs of timers, by outcome: ok, or the class of error", ["service", "method", "outcome"]
)
CONSUMER_CONNECTED = Gauge(
    "hub_consumer_connected", "Consumers of a queue that hold their connection while the database answers", ["queue"]
)
