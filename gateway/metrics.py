"""The gateway's own metrics; labels come from closed sets (route templates, methods, status codes), never from ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUEST_SECONDS = Histogram(
    "hub_gateway_request_seconds",
    "From a request's first byte to its answer's last, by route template, method and status (of a SOAP fault REST's)",
    ("route", "method", "status"),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PUSHES = Counter(
    "hub_gateway_pushes_total",
    "Pushes by outcome: accepted, replayed (answered from the stored receipt), refused, unavailable",
    ("outcome",),
)
for _outcome in ("accepted", "replayed", "refused", "unavailable"):
    PUSHES.labels(_outcome)  # Prometheus sees the first one only if it has read a 0 before
CALLS_UNLOGGED = Counter(
    "hub_gateway_calls_unlogged_total",
    "Calls of other systems that were answered and could not be noted for the message log",
)
BROKER_CONNECTED = Gauge("hub_gateway_broker_connected", "1 while the gateway holds a connection to the broker")
BROKER_RECONNECTS = Counter("hub_gateway_broker_losses_total", "Connections to the broker that were lost")
