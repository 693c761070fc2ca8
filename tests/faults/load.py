"""The load client: figures pushed, submitted, approved over HTTP, retried as a careful client would, and logged.

It is written from the integrators' guide, not from the hub's code: a retry repeats the same request with the same
Idempotency-Key after 503, a broken connection or a timeout, and believes nothing that was not answered.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_SECONDS = 90.0
RENEW_SECONDS = 60
"""How long before its token ends a caller asks for the next."""

LOOK_SECONDS = 0.2
"""Between two looks at whether something has come; a look is a request like any other and costs what one costs."""


class GaveUp(AssertionError):
    """The hub did not recover within the client's patience."""


@dataclass
class Door:
    """One caller at the gateway: signs in, repeats what may be repeated, counts the repeats."""

    base_url: str
    grant: dict[str, str]
    repeats: int = 0
    requests: int = 0
    slowest: float = 0.0
    troubles: list[str] = field(default_factory=list)
    _token: str = ""
    _holds_until: float = 0.0
    _broken: str = ""
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.base_url, timeout=30)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def ask(self, method: str, path: str, *, settle: tuple[int, ...] = (200, 202), **options: Any) -> httpx.Response:
        """Return the answer once its status is one of `settle`; repeat on 503, 429 and broken connections."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            began = time.monotonic()
            answer = self._once(method, path, options)
            self.requests += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if answer is not None and answer.status_code in settle:
                return answer
            if answer is not None and answer.status_code not in {401, 409, 429, 500, 502, 503, 504}:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            if time.monotonic() > end:
                seen = "no answer" if answer is None else f"{answer.status_code} {answer.text[:300]}"
                raise GaveUp(f"{method} {path}: {seen}")
            self.repeats += 1
            seen = f"no answer: {self._broken}" if answer is None else f"{answer.status_code} {answer.text[:200]}"
            self.troubles.append(f"{method} {path}: {seen}")
            time.sleep(0.1 + random.random() * 0.2)

    def _once(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response | None:
        try:
            if time.monotonic() > self._holds_until:
                answer = self._http.post("/oauth2/token", data=self.grant)
                if answer.status_code != 200:
                    return answer if answer.status_code != 401 else None
                self._token = answer.json()["access_token"]
                self._holds_until = time.monotonic() + answer.json()["expires_in"] - RENEW_SECONDS
            headers = {**options.get("headers", {}), "Authorization": f"Bearer {self._token}"}
            answer = self._http.request(method, path, **{**options, "headers": headers})
        except httpx.TransportError as error:
            self._broken = repr(error)
            return None
        if answer.status_code == 401:
            self._holds_until = 0.0
        return answer


@dataclass
class Journey:
    """One submission's way from push to approval, and everything that was acknowledged on it."""

    form: str
    unit: str
    period: str
    values: dict[str, str]
    receipts: dict[str, dict[str, str]] = field(default_factory=dict)  # receipt id: figures it acknowledged
    submission_id: str = ""
    round: int = 0
    approved_hash: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.form, self.unit, self.period


@dataclass
class Client:
    """Doors for the roles, and the log of all journeys."""

    system: Callable[[], Door]
    clerk: Callable[[str], Door]
    leader: Callable[[str], Door]
    reader: Callable[[], Door]
    operator: Callable[[], Door]
    journeys: list[Journey] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, journeys: list[Journey], workers: int = 4) -> None:
        """Drive all journeys to approval, several at once. Raises the first failure."""
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(self._drive, journey) for journey in journeys]:
                future.result()

    def _drive(self, journey: Journey) -> None:
        with self._lock:
            self.journeys.append(journey)
        self.push(journey)
        self.submit(journey)
        self.approve(journey)
        self.read(journey)

    def read(self, journey: Journey) -> None:
        """Read what others read all day: a portal, signing in anew, the warehouse; the clerk what was told; an operator
        the deliveries."""
        query = {"form": journey.form, "unit": journey.unit, "period_from": journey.period, "limit": "10"}
        portal = self.reader()
        portal.ask("GET", "/v1/observations", params=query)
        portal.close()
        self.clerk(journey.form).ask("GET", "/v1/inbox", params={"limit": "10"})
        self.operator().ask("GET", "/v1/deliveries", params={"limit": "10"})

    def push(self, journey: Journey) -> None:
        """Push the figures in two halves, so that merging is part of the run; wait for both receipts."""
        system = self.system()
        items = sorted(journey.values.items())
        self._reopen_if_approved(journey)
        for part in (items[::2], items[1::2]):
            body = {
                "form": journey.form,
                "unit": journey.unit,
                "period": journey.period,
                "figures": [{"indicator": name, "value": value} for name, value in part],
            }
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            answer = system.ask("POST", "/v1/data", json=body, headers=headers)
            journey.receipts[answer.json()["receipt_id"]] = dict(part)
        for receipt in journey.receipts:
            self._settled(system, receipt)

    def submit(self, journey: Journey) -> None:
        """Submit the draft as the form's clerk."""
        clerk = self.clerk(journey.form)
        found = clerk.ask("GET", "/v1/submissions", params=self._query(journey)).json()["submissions"][0]
        view = self._explained(clerk, f"/v1/submissions/{found['id']}").json()
        journey.submission_id, journey.round, journey.approved_hash = view["id"], view["round"], view["content_hash"]

    @staticmethod
    def _explained(clerk: Door, path: str) -> httpx.Response:
        """Submit; where warnings want a comment first, explain each and submit again."""
        while (answer := clerk.ask("POST", f"{path}/submit", settle=(200, 422))).status_code == 422:
            problem = answer.json()
            if problem["code"] != "submissions.comments_missing":
                raise AssertionError(f"{path}/submit: {answer.text[:500]}")
            for finding in problem["errors"]:
                said = {"code": finding["code"], "indicator": finding["indicator"], "text": "đã kiểm tra với đơn vị"}
                # 404: another approval has moved what the figure is compared with, and the warning is gone
                clerk.ask("POST", f"{path}/comments", settle=(200, 404, 409), json=said)
        return answer

    def approve(self, journey: Journey) -> None:
        """Approve exactly the submitted content as the form's leader."""
        leader = self.leader(journey.form)
        path = f"/v1/cases/{journey.submission_id}/{journey.round}"
        end = time.monotonic() + PATIENCE_SECONDS
        while leader.ask("GET", path, settle=(200, 404)).status_code == 404:
            if time.monotonic() > end:
                raise GaveUp(f"no case for {journey.key} round {journey.round}")
            time.sleep(LOOK_SECONDS)
        leader.ask("POST", f"{path}/approve", json={"content_hash": journey.approved_hash})

    def _reopen_if_approved(self, journey: Journey) -> None:
        clerk = self.clerk(journey.form)
        found = clerk.ask("GET", "/v1/submissions", params=self._query(journey)).json()["submissions"][0]
        if found["state"] == "approved":
            clerk.ask("POST", f"/v1/submissions/{found['id']}/reopen", json={"reason": "đính chính số liệu"})

    def _settled(self, system: Door, receipt: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            state = system.ask("GET", f"/v1/receipts/{receipt}").json()["state"]
            if state == "processed":
                return
            if time.monotonic() > end:
                raise GaveUp(f"receipt {receipt} is still {state}")
            time.sleep(LOOK_SECONDS)

    @staticmethod
    def _query(journey: Journey) -> dict[str, str]:
        return {"form": journey.form, "unit": journey.unit, "period": journey.period}
