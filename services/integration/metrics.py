"""What the integration service counts, per partner; each metric stands in docs/operations.md."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.integration.domain.delivery import State
from services.integration.domain.reconciliation import Kind

DELIVERIES = Counter(
    "hub_integration_deliveries_total", "Attempts at deliveries, by the state they led to", ["partner", "outcome"]
)
DELIVERY_SECONDS = Histogram(
    "hub_integration_delivery_seconds",
    "Time one call to a partner took",
    ["partner"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
CALLS = Counter(
    "hub_integration_calls_total",
    "Calls to a partner that were made, by what they asked (submit, status, digests, values, listing, pull) and how "
    "they ended",
    ["partner", "kind", "outcome"],
)
HELD_BACK = Counter(
    "hub_integration_held_back_total",
    "Questions and pages that were not asked for, by what held them: breaker, pause, budget",
    ["partner", "hold"],
)
OPEN_DELIVERIES = Gauge("hub_integration_open_deliveries", "Deliveries that are not settled", ["partner", "state"])
OLDEST_OPEN_SECONDS = Gauge(
    "hub_integration_oldest_open_seconds", "Age of the oldest delivery that is not settled", ["partner"]
)
RECONCILIATIONS = Counter(
    "hub_integration_reconciliations_total", "Reconciliations, by how they ended", ["partner", "state"]
)
DIFFERENCES = Counter(
    "hub_integration_differences_total", "Differences found with a partner, by kind", ["partner", "kind"]
)
SCRUBBED = Counter(
    "hub_integration_scrub_corrections_total", "Hashes and digests that a scrub had to correct", ["partner"]
)
EQUALITY_AGE_SECONDS = Gauge(
    "hub_integration_equality_age_seconds", "Time since a reconciliation last proved both sides equal", ["partner"]
)
SCRUB_AGE_SECONDS = Gauge("hub_integration_scrub_age_seconds", "Age of the last scrub", ["partner"])
REQUESTED = Counter(
    "hub_integration_requests_total", "Contents asked for again, by reason: overdue, differs", ["reason"]
)
DEAD_LETTERS = Counter("hub_integration_dead_letters_total", "Dead letters collected", ["queue"])
OPEN_DEAD_LETTERS = Gauge("hub_integration_open_dead_letters", "Dead letters that nobody has replayed or discarded", [])
PULLS = Counter("hub_integration_pulls_total", "Pull runs that ended: succeeded, failed", ["partner", "outcome"])
PULLED_ROWS = Counter(
    "hub_integration_pulled_rows_total",
    "Rows of pull runs that succeeded: fresh, unchanged, unmapped, refused, deleted",
    ["partner", "outcome"],
)
PULL_AGE_SECONDS = Gauge(
    "hub_integration_pull_age_seconds", "Time since a pull from this source last succeeded", ["partner"]
)
FAILED_PULLS = Gauge(
    "hub_integration_failed_pulls", "Pulls from this source that failed since the last one that succeeded", ["partner"]
)
BREAKER = Gauge(
    "hub_integration_breaker",
    "A partner's breaker: 0 closed, 1 half open, 2 open",
    ["partner"],
)
SUSPENDED = Gauge(
    "hub_integration_suspended",
    "1 while a person has suspended the connection: what waits for the partner is late for nobody",
    ["partner"],
)
PAUSED_SECONDS = Gauge(
    "hub_integration_paused_seconds", "How long a partner still wants nothing sent, by its Retry-After", ["partner"]
)
REPEATS_LEFT = Gauge(
    "hub_integration_repeats_left", "Repeats of failed attempts that this hour still allows, where limited", ["partner"]
)
OPEN_DIFFERENCES = Gauge(
    "hub_integration_open_differences",
    "Differences with a partner that are neither repaired nor accepted, by class",
    ["partner", "kind"],
)
MESSAGES_UNSEALED = Gauge("hub_integration_messages_unsealed", "Entries of the message log that wait to be sealed")
MESSAGES_UNSEALED_SECONDS = Gauge(
    "hub_integration_messages_unsealed_oldest_seconds", "Age of the oldest entry of the message log that is not sealed"
)
MESSAGE_LOG_BYTES = Gauge("hub_integration_message_log_bytes", "Size of the message log in the database")


def begin(partner: str) -> None:
    """Have a partner's counters stand at 0 before anything happens.

    Prometheus sees an increase only from a value that it has read before: else an alert would miss the first rejected
    delivery, difference or correction in a process's life.
    """
    for outcome in State:
        DELIVERIES.labels(partner, outcome.value)
    for kind in Kind:
        DIFFERENCES.labels(partner, kind.value)
    for state in ("equal", "different", "repaired", "failed", "incomparable"):
        RECONCILIATIONS.labels(partner, state)
    for ended in ("succeeded", "failed"):
        PULLS.labels(partner, ended)
    SCRUBBED.labels(partner)
