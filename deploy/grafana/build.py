"""`python deploy/grafana/build.py`: write the dashboards as JSON from the short descriptions in `boards`.

A board is a title and its panels; a panel a title, a unit and its queries with their legends; where it stands follows
from its place in the list. A test fails while the JSON is not what the boards say, and for every metric that no process
has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BOARDS = Path(__file__).parent / "boards"
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
    variables: tuple[tuple[str, str], ...]


def read(path: Path) -> Dashboard:
    """Return what a board says. Raises TypeError for a word that a panel does not know."""
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Dashboard(
        f"hub-{path.stem}",
        said["title"],
        tuple(_described(**panel) for panel in said["panels"]),
        tuple(said.get("variables", {}).items()),
    )


def _described(queries: list[dict[str, str]], thresholds: dict[float, str] | None = None, **said: str) -> Panel:
    asked = tuple((query["ask"], query.get("legend", "")) for query in queries)
    return Panel(queries=asked, thresholds=tuple((thresholds or {}).items()), **said)


DASHBOARDS = tuple(read(path) for path in sorted(BOARDS.glob("*.yaml")))


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
