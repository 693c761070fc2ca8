"""What the submissions service tells Prometheus."""

from __future__ import annotations

from prometheus_client import Gauge

OBLIGATIONS = Gauge(
    "hub_submissions_obligations",
    "Obligations by condition: due, draft, submitted, returned, approved, waived; late: owed and past the deadline",
    ["condition"],
)
