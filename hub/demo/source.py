"""A step of the story: a source is added as data and pulled from, and meets a figure that was entered by hand."""

from __future__ import annotations

from typing import Any

from hub.demo.stage import Caller, Stage, eventually, must

FAR_SIDE = "bo-nganh"
"""Whose stand-in is the source, too."""

SOURCE: dict[str, Any] = {  # a partner as docs/examples/source-rest.json has one
    "id": "nguon-chan-nuoi",
    "name": "Nguồn số liệu chăn nuôi (diễn tập)",
    "protocol": "rest",
    "credential": "partner_bo-nganh",
    "permission": {"decision": "(diễn tập)", "focal_agency": "LC-SNNMT", "valid_from": "2024-01-01"},
    "comparing": "none",
    "mapping": {"unit_scheme": "gso", "indicators": {"NT06": "LON", "NT07": "GIA-CAM"}},
    "source": {
        "forms": ["NN-THANG"],
        "path": "/api/source/cursor",
        "schedule": {"every_seconds": 3600},
        "watermark": {"parameter": "since"},
        "paging": {"kind": "cursor", "parameter": "cursor", "next": "next", "total": "total"},
        "rows": {
            "at": "rows", "unit": "unit", "period": "period", "indicator": "indicator", "value": "value",
            "mark": "changed_at", "decimal": ",",
        },
    },
}  # fmt: skip


def pull_a_source(stage: Stage, clerk: Caller, draft: str, month: str) -> None:
    """Add the source, try it, pull from it into this draft; the clerk's own figure stays until the clerk decides."""
    operator = stage.client("van-hanh")
    clerk.ask("PUT", f"{draft}/figures/NT06", json={"value": "1520"})
    held = (("LON", "1.497"), ("GIA-CAM", "11.200"))
    rows = [{"unit": "12", "period": month, "indicator": code, "value": value} for code, value in held]
    stage.far(FAR_SIDE, "POST", "/control/source/rows", json=rows)
    partner = f"/v1/partners/{SOURCE['id']}"
    endpoint = {"endpoint": stage.far_sides[FAR_SIDE]}
    operator.ask("PUT", partner, json=SOURCE | endpoint, params={"reason": "demo"})
    trial = operator.ask("POST", f"{partner}/check")
    must("the source's trial", trial["passed"], True)
    told = {step["step"]: step["told"] for step in trial["steps"]}
    stage.say(f"a source was added as data, without code; tried, {told['source']}")

    begun = operator.ask("POST", f"{partner}/pull", json={}, expect=202)
    run = eventually("the end of the pull", lambda: _ended(operator, begun["id"]))
    must("the pull", (run["state"], run["new"]), ("succeeded", 2))
    shown = eventually("the conflict", lambda: _conflict(clerk, draft))
    must(
        "the figure entered by hand, and the pulled one", (shown["value"], shown["conflict"]["value"]), ("1520", "1497")
    )
    stage.say(f"pulled {run['read']} figures: NT06 stays 1520 as entered by hand, with the source's 1497 beside it")
    clerk.ask("POST", f"{draft}/conflicts/NT06", json={"keep": "hand"})
    stage.say("the clerk compared them and kept the own figure; the draft's history has both")
    stage.say(f"look: GET {stage.gateway}/v1/pulls/{begun['id']}")


def _ended(operator: Caller, pull: str) -> Any:
    run = operator.ask("GET", f"/v1/pulls/{pull}")["pull"]
    return run if run["finished_at"] else None


def _conflict(clerk: Caller, draft: str) -> Any:
    figures = clerk.ask("GET", draft)["figures"]
    return next((item for item in figures if item["indicator"] == "NT06" and item["conflict"]), None)
