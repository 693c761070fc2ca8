"""The story itself: eleven steps, each a function that does, checks and says. The first that fails ends it."""

from __future__ import annotations

import csv
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.panel import Panel

import catalogue
from hub.demo.source import pull_a_source
from hub.demo.stage import Caller, Stage, StepFailed, eventually, must
from shared.calendar import VIETNAM

YEAR = "2016"
PROVINCE = "LC"
COMMUNE = "LC-X03388-2025"
NATIONAL = "quoc-gia"
COMMUNE_FIGURES: dict[str, str | None] = {  # invented, unlike the province's; None: nothing occurred
    "NT01": "12.5", "NT02": "3.2", "NT03": "4", "NT04": "210", "NT05": "95", "NT06": "1480", "NT07": "11200",
    "NT08": None, "NT09": "2.5", "NT10": "0.4", "NT10.CHAY": "0.4", "NT10.PHA": "0", "XH01": None, "XH02": None,
}  # fmt: skip
DEPARTMENTS = {  # form: (system that pushes, clerk, leader)
    "GD-NAM": ("csdl-giao-duc", "sgddt.nhaplieu", "sgddt.lanhdao"),
    "YT-NAM": ("csdl-y-te", "syt.nhaplieu", "syt.lanhdao"),
    "NN-NAM": ("csdl-nong-nghiep", "snnmt.nhaplieu", "snnmt.lanhdao"),
}


def run(stage: Stage) -> bool:
    """Play every step on `stage`; return whether all came out as they must."""
    started = time.monotonic()
    for number, (title, step) in enumerate(STEPS, 1):
        stage.console.print(f"[bold cyan]({number}) {title}")
        try:
            step(stage)
        except Exception as error:  # whatever it is, the reader is told at which step
            if not isinstance(error, StepFailed):
                stage.console.print_exception()
            stage.console.print(Panel(escape(str(error)), title=f"step {number} failed", style="red"))
            return False
    stage.console.print(
        Panel(
            f"All {len(STEPS)} steps came out as they must, in {time.monotonic() - started:.0f} s. "
            f"Start it to stay with [bold]make run[/bold]; look at {stage.gateway}/docs and {stage.gateway}/metrics.",
            style="green",
        )
    )
    return True


# -- (1) to (3): catalogue and pushes --------------------------------------------------------------------------------


def show_catalogue(stage: Stage) -> None:
    """Count the communes the day before and the day of the reform."""
    office = stage.person("quantri")
    before = _count_communes(office, "2025-06-30")
    after = _count_communes(office, "2025-07-01")
    must("communes before and after 1 July 2025", (before, after), (106, 38))
    stage.say(f"{before} communes on 30 June 2025, {after} on 1 July 2025 (NQ 1670/NQ-UBTVQH15)")
    stage.say(f"look: GET {stage.gateway}/v1/units?kind=commune&on=2025-07-01")


def push_education(stage: Stage) -> None:
    """Push the education figures with one that is wrong; it alone is refused."""
    figures = published("GD-NAM")
    for figure in figures:
        if figure["indicator"] == "GD06":
            figure["value"] = "2.514,5"  # half a teacher
    receipt = push(stage, "GD-NAM", figures)
    refused = [item for item in receipt["outcomes"] if item["outcome"] == "refused"]
    must("refused figures", [item["indicator"] for item in refused], ["GD06"])
    must("accepted figures", receipt["counts"].get("accepted"), len(figures) - 1)
    stage.say(f"{len(figures) - 1} figures are in the draft; GD06 was refused: {refused[0]['detail']}")
    again = push(stage, "GD-NAM", [figure for figure in published("GD-NAM") if figure["indicator"] == "GD06"])
    must("the corrected figure", again["counts"].get("accepted"), 1)
    stage.say("the system sent GD06 again, corrected: accepted")
    stage.say(f"look: GET {stage.gateway}/v1/receipts/{receipt['receipt_id']}")


def push_others(stage: Stage) -> None:
    """Push health and agriculture, and one push twice under one key: it counts once."""
    for form in ("YT-NAM", "NN-NAM"):
        figures, key = published(form), f"demo-{form}-{uuid.uuid4().hex}"
        receipt = push(stage, form, figures, key)
        must(f"accepted figures of {form}", receipt["counts"].get("accepted"), len(figures))
        repeated = push(stage, form, figures, key)
        must("the receipt of a repeated push", repeated["receipt_id"], receipt["receipt_id"])
        stage.say(f"{form}: {len(figures)} figures accepted; the same push repeated changed nothing")


# -- (4) and (5): approval and warehouse -----------------------------------------------------------------------------


def approve_education(stage: Stage) -> None:
    """Submit, have one figure returned with a reason, correct it, submit again, approve; arm faults beforehand."""
    arm(stage, [{"kind": "timeout_after", "seconds": 20}, {"kind": "unavailable"}, {"kind": "soap_fault"}])
    _, clerk_name, leader_name = DEPARTMENTS["GD-NAM"]
    clerk, leader = stage.person(clerk_name), stage.person(leader_name)
    round_1 = submit(clerk, "GD-NAM")
    path = f"/v1/cases/{round_1['id']}/{round_1['round']}"
    wait_for_case(leader, path)
    reason = {
        "indicator": "GD03.THPT",
        "text": "Số học sinh THPT chưa khớp với sổ của các trường, đề nghị kiểm tra lại.",
    }
    body = {"content_hash": round_1["content_hash"], "reasons": [reason]}
    leader.ask("POST", f"{path}/return", json=body)
    stage.say(f"round 1 went back with the reason: “{reason['text']}”")

    def returned() -> Any:
        detail = clerk.ask("GET", f"/v1/submissions/{round_1['id']}")
        return detail if detail["submission"]["round"] == round_1["round"] + 1 else None

    detail = eventually("round 2", returned)
    must("the reason the clerk reads", detail["reasons"][0]["indicator"], "GD03.THPT")
    clerk.ask("PUT", f"/v1/submissions/{round_1['id']}/figures/GD03.THPT", json={"value": "8.966"})
    round_2 = submit(clerk, "GD-NAM")
    stage.say(f"the clerk checked it, entered 8.966 and submitted round {round_2['round']}")
    refused = clerk.ask(
        "POST",
        f"/v1/cases/{round_2['id']}/{round_2['round']}/approve",
        json={"content_hash": round_2["content_hash"]},
        expect=403,
    )
    stage.say(f"the clerk may not approve: {refused['code']}")
    approve(leader, round_2)
    stage.say(f"the leader approved exactly what was read: {round_2['content_hash'][:16]}…")


def check_derived(stage: Stage) -> None:
    """Approve agriculture and compare derived yields with the published ones."""
    _, clerk, leader = DEPARTMENTS["NN-NAM"]
    approve(stage.person(leader), submit(stage.person(clerk), "NN-NAM"))
    portal = stage.client("cong-noi-bo")
    for indicator, known in (("NN01.NS", "43.5"), ("NN04.NS", "30.5")):
        path = f"/v1/observations/{indicator}/{PROVINCE}/{YEAR}"
        found = eventually(f"{indicator} in the warehouse", partial(_value, portal, path))
        must(indicator, found, known)
        stage.say(f"{indicator} = {found} tạ/ha, as published")
    stage.say(f"look: GET {stage.gateway}/v1/observations?form=NN-NAM&unit={PROVINCE}")


# -- (6): rolling up from below --------------------------------------------------------------------------------------


def roll_up_a_month(stage: Stage) -> None:
    """A commune reports this month, its leader approves; the department's draft for the province is filled from it."""
    month = datetime.now(VIETNAM).strftime("%Y-%m")
    clerk, leader = stage.person("doanket.nhaplieu"), stage.person("doanket.lanhdao")
    path = f"/v1/submissions/{owed(clerk, 'XA-THANG', COMMUNE, month)['id']}"
    for indicator, value in COMMUNE_FIGURES.items():
        clerk.ask("PUT", f"{path}/figures/{indicator}", json={"value": value, "nothing_occurred": value is None})
    approve(leader, submit(clerk, "XA-THANG", COMMUNE, month))
    eventually("the commune's approval", lambda: clerk.ask("GET", path)["submission"]["state"] == "approved")
    stage.say(f"phường Đoàn Kết entered {len(COMMUNE_FIGURES)} figures of {month}; its own leader approved them")
    department = stage.person("snnmt.nhaplieu")
    upper = f"/v1/submissions/{owed(department, 'NN-THANG', PROVINCE, month)['id']}"
    rolled = department.ask("POST", f"{upper}/aggregate")
    values = {item["indicator"]: item["value"] for item in rolled["results"]}
    must("pigs in the province so far", values["NT06"], COMMUNE_FIGURES["NT06"])
    must("what nobody had", values["NT08"], None)
    must("communes rolled up", (rolled["covered"], rolled["expected"]), (1, 38))
    stage.say(f"the province's NN-THANG holds {rolled['covered']} of {rolled['expected']} communes so far")
    stage.say(f"look: GET {stage.gateway}{upper}/contributions")


# -- (7): a source that is pulled from -------------------------------------------------------------------------------


def pull_into_the_draft(stage: Stage) -> None:
    """Pull from a source into the department's draft, in which a figure was entered by hand: it stays."""
    month = datetime.now(VIETNAM).strftime("%Y-%m")
    department = stage.person("snnmt.nhaplieu")
    draft = f"/v1/submissions/{owed(department, 'NN-THANG', PROVINCE, month)['id']}"
    pull_a_source(stage, department, draft, month)


# -- (8) and (9): delivery under faults ------------------------------------------------------------------------------


def deliver_through_faults(stage: Stage) -> None:
    """Wait until everything is acknowledged; the far side's journal shows each message applied once."""
    wait_acknowledged(stage, {"GD-NAM", "NN-NAM"})
    struck = stage.far(NATIONAL, "GET", "/control/faults")["struck"]
    must("faults met", struck, {"timeout_after": 1, "unavailable": 1, "soap_fault": 1})
    _check_applied_once(stage, 2)
    stage.say("met on the way: a timeout after apply, a 503, a SOAP fault; each packet was applied once")
    stage.say(f"look: GET {stage.gateway}/v1/deliveries?partner={NATIONAL}")


def survive_a_kill(stage: Stage) -> None:
    """Kill the integration worker while the far side is at work on a packet."""
    arm(stage, [{"kind": "delay", "seconds": 3}])
    _, clerk, leader = DEPARTMENTS["YT-NAM"]
    approve(stage.person(leader), submit(stage.person(clerk), "YT-NAM"))
    eventually("the call to the far side", lambda: stage.far(NATIONAL, "GET", "/control/faults")["struck"].get("delay"))
    stage.kill("integration-worker")
    stage.say("the integration worker was killed (SIGKILL) with a packet on its way")
    wait_acknowledged(stage, {"YT-NAM"})
    _check_applied_once(stage, 3)
    stage.say("it came back, asked what had become of the packet, and nothing was sent twice")


# -- (10) and (11): reconciliation and audit --------------------------------------------------------------------------


def reconcile(stage: Stage) -> None:
    """Damage the far side in three ways; reconciliation finds exactly these, repairs them and proves equality."""
    damage = [
        {"action": "lose", "form": "GD-NAM", "indicator": "T12.GD01.TH"},
        {"action": "change", "form": "YT-NAM", "indicator": "T12.YT02", "value": "9999"},
        {"action": "add", "form": "NN-NAM", "indicator": "T12.NN13", "value": "12.5"},
    ]
    for item in damage:
        stage.far(NATIONAL, "POST", "/control/values", json={**item, "unit": "12", "period": YEAR})
    operator = stage.client("van-hanh")
    report = reconciled(operator)
    found = {(item["kind"], item["form"], item["indicator"].removeprefix("T12.")) for item in report["differences"]}
    expected = {
        ("missing_there", "GD-NAM", "GD01.TH"),
        ("value", "YT-NAM", "YT02"),
        ("missing_here", "NN-NAM", "NN13"),
    }
    must("differences", found, expected)
    for item in report["differences"]:
        stage.say(f"{item['kind']}: {item['indicator']} expected {item['expected']}, found {item['found']}")
    must("state after repair", report["state"], "repaired")
    proof = reconciled(operator)
    must("equality", (proof["state"], proof["equal"], proof["differences"]), ("equal", True, []))
    stage.say(
        f"repaired, read again, and proven equal: {proof['entries']} entries in {proof['calls']} call(s), "
        f"{proof['bytes_compared']} bytes; own digests scrubbed {proof['scrub_age_seconds']:.0f} s ago"
    )
    stage.say(f"look: GET {stage.gateway}/v1/reconciliations/{report['id']}")


def verify_audit(stage: Stage) -> None:
    """Check every service's audit chain offline."""
    for line in stage.verify_audit():
        stage.say(line)


STEPS: list[tuple[str, Callable[[Stage], None]]] = [
    ("The catalogue knows the province before and after the reform", show_catalogue),
    ("An education system pushes its yearly figures; one is wrong", push_education),
    ("Health and agriculture push theirs", push_others),
    ("Submitted, returned with a reason, corrected, approved", approve_education),
    ("Derived values match the published ones", check_derived),
    ("A commune's month rolls up into the department's draft", roll_up_a_month),
    ("A source is pulled from; what was entered by hand stays", pull_into_the_draft),
    ("Delivered to the national system through three faults", deliver_through_faults),
    ("Integration is killed in the middle and comes back", survive_a_kill),
    ("Reconciliation finds what the far side damaged, repairs it, proves equality", reconcile),
    ("The audit chain verifies", verify_audit),
]


# -- what several steps do -------------------------------------------------------------------------------------------


def published(form: str) -> list[dict[str, Any]]:
    """Return the published figures of 2016 that are entered on `form` (derived ones are not)."""
    entered = next(item["indicators"] for item in catalogue.read()["forms"] if item["id"] == form)
    with (Path(catalogue.__file__).parent / "values_province.csv").open(encoding="utf-8") as file:
        return [
            {"indicator": row["code"], "value": row["value"], "status": row["status"]}
            for row in csv.DictReader(file)
            if row["year"] == YEAR and row["code"] in entered
        ]


def push(stage: Stage, form: str, figures: list[dict[str, Any]], key: str | None = None) -> Any:
    """Push as the form's system and return the processed receipt."""
    system = stage.client(DEPARTMENTS[form][0])
    body = {"form": form, "unit": PROVINCE, "period": YEAR, "figures": figures}
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    receipt = system.ask("POST", "/v1/data", json=body, headers=headers, expect=(200, 202))

    def processed() -> Any:
        answer = system.ask("GET", f"/v1/receipts/{receipt['receipt_id']}")
        return answer if answer["state"] == "processed" else None

    return eventually("the receipt", processed)


def owed(clerk: Caller, form: str, unit: str, period: str) -> Any:
    """Return what is owed, as soon as the catalogue has come to it: the submission of this form, unit and period."""
    query = {"form": form, "unit": unit, "period": period}
    return eventually(f"{form} of {period}", lambda: clerk.ask("GET", "/v1/submissions", params=query)["submissions"])[
        0
    ]


def submit(clerk: Caller, form: str, unit: str = PROVINCE, period: str = YEAR) -> Any:
    """Submit a draft, the province's of the year if none is named; return the submission as frozen."""
    path = f"/v1/submissions/{owed(clerk, form, unit, period)['id']}"
    for finding in clerk.ask("POST", f"{path}/validate")["findings"]:
        if finding["wants_comment"] and finding["comment"] is None:
            said = {"code": finding["code"], "indicator": finding["indicator"], "text": "Đã kiểm tra với đơn vị."}
            clerk.ask("POST", f"{path}/comments", json=said)
    return clerk.ask("POST", f"{path}/submit")


def approve(leader: Caller, submission: dict[str, Any]) -> None:
    """Approve exactly the content that was submitted."""
    path = f"/v1/cases/{submission['id']}/{submission['round']}"
    wait_for_case(leader, path)
    leader.ask("POST", f"{path}/approve", json={"content_hash": submission["content_hash"]})


def wait_for_case(leader: Caller, path: str) -> None:
    """Wait until the leader finds the case."""
    eventually("the case", lambda: leader.ask("GET", path, expect=(200, 404)).get("id"))


def arm(stage: Stage, faults: list[dict[str, Any]]) -> None:
    """Arm faults at the national system."""
    stage.far(NATIONAL, "POST", "/control/faults", json=faults)


def wait_acknowledged(stage: Stage, forms: set[str]) -> None:
    """Wait until the newest delivery of each form to the national system is acknowledged."""
    operator = stage.client("van-hanh")

    def done() -> bool:
        rows = operator.ask("GET", "/v1/deliveries", params={"partner": NATIONAL})["deliveries"]
        return forms <= {row["form"] for row in rows if row["state"] == "acknowledged"}

    eventually("acknowledgement by the national system", done, 60)


def reconciled(operator: Caller) -> Any:
    """Run a reconciliation with repair and return its final report."""
    started = operator.ask("POST", "/v1/reconciliations", json={"partner": NATIONAL, "repair": True}, expect=(200, 202))

    def ended() -> Any:
        report = operator.ask("GET", f"/v1/reconciliations/{started['id']}")
        return None if report["state"] in {"running", "repairing", "different"} else report

    return eventually("the end of the reconciliation", ended, 60)


def _value(portal: Caller, path: str) -> str | None:
    answer: dict[str, str | None] = portal.ask("GET", path, expect=(200, 404))
    return answer.get("value")


def _count_communes(office: Caller, day: str) -> int:
    count, after = 0, None
    while True:
        query = {"kind": "commune", "on": day, **({"after": after} if after else {})}
        page = office.ask("GET", "/v1/units", params=query)
        count, after = count + len(page["units"]), page["next"]
        if after is None:
            return count


def _check_applied_once(stage: Stage, packets: int) -> None:
    applied = [item for item in stage.far(NATIONAL, "GET", "/control/journal") if item["state"] == "applied"]
    keys = {(item["form"], item["unit"], item["period"], item["version"]) for item in applied}
    must("packets applied, and different ones among them", (len(applied), len(keys)), (packets, packets))
