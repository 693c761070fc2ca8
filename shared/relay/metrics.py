"""The relay's metrics and the backbone's gauges, by service. Each stands in docs/operations.md."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PUBLISHED = Counter("hub_relay_published_total", "Messages that the broker has confirmed", ["service"])
REFUSED = Counter(
    "hub_relay_refused_total",
    "Messages that the broker would not take, by reason: returned, nacked",
    ["service", "reason"],
)
RECONNECTS = Counter("hub_relay_reconnects_total", "Times the relay lost broker or database", ["service"])
ACTIVE = Gauge("hub_relay_active", "1 where this relay holds the service's lock and a broker connection", ["service"])

OUTBOX_UNSENT = Gauge("hub_outbox_unsent", "Outbox rows that wait for the broker", ["service"])
OUTBOX_OLDEST = Gauge("hub_outbox_oldest_seconds", "Age of the oldest unsent outbox row", ["service"])
AUDIT_UNSEALED = Gauge("hub_audit_unsealed", "Audit entries that wait to be sealed", ["service"])
AUDIT_OLDEST = Gauge("hub_audit_unsealed_oldest_seconds", "Age of the oldest unsealed audit entry", ["service"])
CHUNKS_SETS = Gauge("hub_chunks_incomplete_sets", "Chunked contents of which parts are missing", ["service"])
CHUNKS_OLDEST = Gauge("hub_chunks_oldest_seconds", "Age of the oldest part of an incomplete content", ["service"])

SEALED = Counter("hub_audit_sealed_total", "Audit entries sealed", ["service"])
DELETED = Counter("hub_retention_deleted_total", "Rows deleted because their time was over", ["service", "table"])
HOUSEKEEPING_AT = Gauge(
    "hub_relay_housekeeping_timestamp_seconds", "When sealing and gauges last worked for this service", ["service"]
)
