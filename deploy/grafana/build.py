"""`python deploy/grafana/build.py`: write the dashboards as JSON from the short descriptions below.

A panel is a title, a unit and its queries with their legends; where it stands follows from its place in the list. A
test fails while the JSON is not what this file says, and for every metric that no process has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS, HEIGHT = 3, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: `queries` are (expression, legend). Thresholds are (from, colour) and paint a `stat`."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    kind: str = "timeseries"
    told: str = ""
    thresholds: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page. `variables` are (name, query for its values)."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[tuple[str, str], ...] = field(default=())


GOOD_WHEN_LOW = ((0, "green"), (1, "red"))

OVERVIEW = Dashboard(
    "hub-overview",
    "Hub: overview",
    (
        Panel("Processes up", "short", (('sum(up{job="hub"})', "up"),), "stat", "of those that Prometheus knows"),
        Panel("Processes down", "short", (('sum(up{job="hub"} == bool 0)', "down"),), "stat", "", GOOD_WHEN_LOW),
        Panel(
            "Alerts firing",
            "short",
            (('sum(ALERTS{alertstate="firing"}) or vector(0)', ""),),
            "stat",
            "",
            GOOD_WHEN_LOW,
        ),
        Panel(
            "Budgets of the objectives used, as multiples of what is allowed",
            "short",
            (
                ("hub:slo_bad:ratio1h / on (slo) group_left hub:slo_budget", "{{slo}} {{service}}{{partner}} 1 h"),
                ("hub:slo_bad:ratio3d / on (slo) group_left hub:slo_budget", "{{slo}} {{service}}{{partner}} 3 d"),
            ),
            told="Over 1 for a month breaks the objective; 14 in an hour wakes someone.",
        ),
        Panel("Requests by status", "reqps", (("sum by (status) (hub:gateway_requests:rate5m)", "{{status}}"),)),
        Panel("Slowest addresses, p95", "s", (("topk(5, hub:gateway_request_seconds:p95_5m)", "{{route}}"),)),
        Panel("Outbox: oldest unsent event", "s", (("max by (service) (hub_outbox_oldest_seconds)", "{{service}}"),)),
        Panel(
            "Open deliveries",
            "short",
            (("sum by (partner, state) (hub_integration_open_deliveries)", "{{partner}} {{state}}"),),
        ),
        Panel(
            "Dead letters that need a person",
            "short",
            (("max(hub_integration_open_dead_letters)", ""),),
            "stat",
            "",
            GOOD_WHEN_LOW,
        ),
    ),
)

INTAKE = Dashboard(
    "hub-intake",
    "Hub: intake",
    (
        Panel(
            "Pushes by outcome", "reqps", (("sum by (outcome) (rate(hub_gateway_pushes_total[5m]))", "{{outcome}}"),)
        ),
        Panel(
            "Share of pushes turned away",
            "percentunit",
            (('hub:slo_bad:ratio5m{slo="intake"}', "5 min"), ('hub:slo_bad:ratio1d{slo="intake"}', "1 d")),
        ),
        Panel("Time to the answer, p95", "s", (("hub:gateway_request_seconds:p95_5m", "{{route}}"),)),
        Panel(
            "Waiting at intake",
            "short",
            (('sum by (queue) (rabbitmq_queue_messages_ready{queue=~"submissions[.].*"})', "{{queue}}"),),
        ),
        Panel(
            "Pushes worked off",
            "ops",
            (('sum by (outcome) (hub:messages:rate5m{queue="submissions.push_accepted"})', "{{outcome}}"),),
        ),
        Panel(
            "Messages per batch, mean",
            "short",
            (
                (
                    'sum by (queue) (rate(hub_batch_messages_sum{queue=~"submissions[.].*"}[5m]))'
                    ' / sum by (queue) (rate(hub_batch_messages_count{queue=~"submissions[.].*"}[5m]))',
                    "{{queue}}",
                ),
            ),
        ),
        Panel(
            "From taking a batch to its commit, p95",
            "s",
            (
                (
                    "histogram_quantile(0.95, sum by (le, queue) "
                    '(rate(hub_handler_seconds_bucket{queue=~"submissions[.].*"}[5m])))',
                    "{{queue}}",
                ),
            ),
        ),
        Panel(
            "Sign-ins refused",
            "reqps",
            (('sum by (status) (hub:gateway_requests:rate5m{route="/oauth2/token",status=~"4.."})', "{{status}}"),),
        ),
        Panel("Connections to the broker lost", "short", (("increase(hub_gateway_broker_losses_total[1h])", ""),)),
    ),
)

APPROVALS = Dashboard(
    "hub-approvals",
    "Hub: approvals",
    (
        Panel(
            "Commands on cases",
            "ops",
            (
                (
                    'sum by (method) (rate(hub_rpc_seconds_count{service="approval",outcome="ok",'
                    'method=~"approve|return_submission|withdraw"}[15m]))',
                    "{{method}}",
                ),
            ),
        ),
        Panel(
            "Refused, by class of error",
            "ops",
            (
                (
                    'sum by (method, outcome) (rate(hub_rpc_seconds_count{service="approval",outcome!="ok"}[15m]))',
                    "{{method}} {{outcome}}",
                ),
            ),
        ),
        Panel("Answers, p95", "s", (('hub:rpc_seconds:p95_5m{service="approval"}', "{{method}}"),)),
        Panel(
            "Submissions that reach approval",
            "ops",
            (('sum by (outcome) (hub:messages:rate5m{queue="approval.submission_submitted"})', "{{outcome}}"),),
        ),
        Panel(
            "Finalised rounds recorded",
            "ops",
            (('sum by (outcome) (hub:messages:rate5m{queue="indicators.submission_finalised"})', "{{outcome}}"),),
        ),
        Panel(
            "Incomplete sets of figures", "short", (("max by (service) (hub_chunks_incomplete_sets)", "{{service}}"),)
        ),
        Panel(
            "Outbox: oldest unsent",
            "s",
            (
                (
                    'max by (service) (hub_outbox_oldest_seconds{service=~"approval|submissions|indicators"})',
                    "{{service}}",
                ),
            ),
        ),
        Panel(
            "Audit: oldest unsealed entry",
            "s",
            (("max by (service) (hub_audit_unsealed_oldest_seconds)", "{{service}}"),),
        ),
        Panel(
            "Audit: entries sealed", "ops", (("sum by (service) (rate(hub_audit_sealed_total[5m]))", "{{service}}"),)
        ),
    ),
)

PARTNER = Dashboard(
    "hub-partner",
    "Hub: one partner",
    (
        Panel(
            "Oldest open delivery",
            "s",
            (('max(hub_integration_oldest_open_seconds{partner="$partner"})', ""),),
            "stat",
            "",
            ((0, "green"), (900, "orange"), (3600, "red")),
        ),
        Panel(
            "Since the last proof of equality",
            "s",
            (('max(hub_integration_equality_age_seconds{partner="$partner"})', ""),),
            "stat",
            "",
            ((0, "green"), (7200, "orange"), (86400, "red")),
        ),
        Panel(
            "Since the last scrub",
            "s",
            (('max(hub_integration_scrub_age_seconds{partner="$partner"})', ""),),
            "stat",
            "",
            ((0, "green"), (7200, "orange")),
        ),
        Panel(
            "Open deliveries",
            "short",
            (('sum by (state) (hub_integration_open_deliveries{partner="$partner"})', "{{state}}"),),
        ),
        Panel(
            "Attempts, by the state they led to",
            "ops",
            (('sum by (outcome) (rate(hub_integration_deliveries_total{partner="$partner"}[5m]))', "{{outcome}}"),),
        ),
        Panel("One call, p95", "s", (('hub:delivery_seconds:p95_5m{partner="$partner"}', "p95"),)),
        Panel(
            "Reconciliations",
            "short",
            (
                (
                    'sum by (state) (increase(hub_integration_reconciliations_total{partner="$partner"}[1d]))',
                    "{{state}}",
                ),
            ),
        ),
        Panel(
            "Differences found",
            "short",
            (('sum by (kind) (increase(hub_integration_differences_total{partner="$partner"}[1d]))', "{{kind}}"),),
        ),
        Panel(
            "Breaker",
            "short",
            (('max(hub_integration_breaker{partner="$partner"})', ""),),
            "stat",
            "0 closed, 1 a call probes, 2 open: nobody calls.",
            ((0, "green"), (1, "orange"), (2, "red")),
        ),
        Panel(
            "Asked to pause; repeats left this hour",
            "short",
            (
                ('max(hub_integration_paused_seconds{partner="$partner"})', "pause, s"),
                ('min(hub_integration_repeats_left{partner="$partner"})', "repeats left"),
            ),
        ),
        Panel(
            "Suspended by a person",
            "short",
            (('max(hub_integration_suspended{partner="$partner"})', ""),),
            "stat",
            "1: nothing passes, and no alert counts what waits.",
            ((0, "green"), (1, "orange")),
        ),
        Panel(
            "Calls, by what they asked and how they ended",
            "ops",
            (
                (
                    'sum by (kind, outcome) (rate(hub_integration_calls_total{partner="$partner"}[5m]))',
                    "{{kind}} {{outcome}}",
                ),
                (
                    'sum by (hold) (rate(hub_integration_held_back_total{partner="$partner"}[5m]))',
                    "held back: {{hold}}",
                ),
            ),
        ),
        Panel(
            "Open differences, by class",
            "short",
            (('sum by (kind) (hub_integration_open_differences{partner="$partner"})', "{{kind}}"),),
        ),
        Panel(
            "Corrected by scrubs",
            "short",
            (('sum(increase(hub_integration_scrub_corrections_total{partner="$partner"}[1d]))', ""),),
            "stat",
            "",
            GOOD_WHEN_LOW,
        ),
    ),
    (("partner", "label_values(hub_integration_oldest_open_seconds, partner)"),),
)

BACKBONE = Dashboard(
    "hub-backbone",
    "Hub: backbone",
    (
        Panel("Messages handled", "ops", (("sum by (queue) (hub:messages:rate5m)", "{{queue}}"),)),
        Panel(
            "Retried and dead",
            "ops",
            (('sum by (queue, outcome) (hub:messages:rate5m{outcome=~"retried|dead"})', "{{queue}} {{outcome}}"),),
        ),
        Panel("Consumers connected", "short", (("sum by (queue) (hub_consumer_connected)", "{{queue}}"),)),
        Panel("Queues: ready", "short", (("topk(10, sum by (queue) (rabbitmq_queue_messages_ready))", "{{queue}}"),)),
        Panel("Relay: published", "ops", (("sum by (service) (rate(hub_relay_published_total[5m]))", "{{service}}"),)),
        Panel(
            "Relay: refused, reconnected",
            "short",
            (
                ("sum by (service, reason) (increase(hub_relay_refused_total[1h]))", "{{service}} {{reason}}"),
                ("sum by (service) (increase(hub_relay_reconnects_total[1h]))", "{{service}} reconnected"),
            ),
        ),
        Panel("Outbox: unsent", "short", (("max by (service) (hub_outbox_unsent)", "{{service}}"),)),
        Panel(
            "Calls between services",
            "ops",
            (("sum by (target, outcome) (rate(hub_remote_calls_total[5m]))", "{{target}} {{outcome}}"),),
        ),
        Panel("Answers of services, p95", "s", (("topk(10, hub:rpc_seconds:p95_5m)", "{{service}}.{{method}}"),)),
        Panel(
            "Timers that failed",
            "short",
            (
                (
                    'sum by (service, method) (increase(hub_timer_runs_total{outcome!="ok"}[1h]))',
                    "{{service}}.{{method}}",
                ),
            ),
        ),
        Panel(
            "Message log: oldest unsealed entry",
            "s",
            (("max(hub_integration_messages_unsealed_oldest_seconds)", ""),),
        ),
        Panel("Message log: size", "bytes", (("max(hub_integration_message_log_bytes)", ""),)),
        Panel("Memory of processes", "bytes", (('process_resident_memory_bytes{job="hub"}', "{{process}}"),)),
        Panel(
            "Processor of processes",
            "percentunit",
            (('rate(process_cpu_seconds_total{job="hub"}[5m])', "{{process}}"),),
        ),
        Panel(
            "PostgreSQL: connections",
            "short",
            (("sum by (datname, state) (pg_stat_activity_count)", "{{datname}} {{state}}"),),
        ),
        Panel("PostgreSQL: size", "bytes", (('pg_database_size_bytes{datname=~"hub_.*"}', "{{datname}}"),)),
        Panel(
            "RabbitMQ: descriptors",
            "short",
            (("rabbitmq_process_open_fds", "open"), ("rabbitmq_process_max_fds", "limit")),
        ),
        Panel(
            "Rows deleted when their time was over",
            "ops",
            (("sum by (service, table) (rate(hub_retention_deleted_total[1h]))", "{{service}} {{table}}"),),
        ),
    ),
)

DASHBOARDS = (OVERVIEW, INTAKE, APPROVALS, PARTNER, BACKBONE)


def rendered(dashboard: Dashboard) -> str:
    """Return the dashboard as Grafana reads it."""
    page = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["reporting-hub"],
        "timezone": "Asia/Ho_Chi_Minh",
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["reporting-hub"], "title": "Hub", "asDropdown": True}],
        "templating": {"list": [_variable(name, query) for name, query in dashboard.variables]},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    width = 24 // COLUMNS
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.thresholds:
        steps = [
            {"value": None if index == 0 else at, "color": colour}
            for index, (at, colour) in enumerate(panel.thresholds)
        ]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "id": number + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.told,
        "datasource": SOURCE,
        "gridPos": {"x": column * width, "y": row * HEIGHT, "w": width, "h": HEIGHT},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}}
        if panel.kind == "stat"
        else {"tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(65 + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(rendered(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
