"""The reporting protocol over REST."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from services.integration.clients.protocol import Cost, Listed, Listing, Unanswered, Unknown
from services.integration.clients.transport import Lost, Reply, Road, Unreached
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.governor import MAX_PAUSE_SECONDS
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from shared.digest import Brief, Digest

Query = Sequence[tuple[str, str | int | None]]
T = TypeVar("T")

_PAGE = 1_000
_NOT_TAKEN = (400, 404, 405, 422, 501)
"""What a partner answers to a question, or a part of one, that it does not know."""
_SAID = {
    "applied": Said.APPLIED,
    "already_applied": Said.APPLIED,
    "superseded": Said.SUPERSEDED,
    "rejected": Said.REFUSED,
    "unknown": Said.UNKNOWN,
}


class _State(msgspec.Struct, frozen=True):
    message_id: str
    state: str
    version: int | None = None


class _Digest(msgspec.Struct, frozen=True):
    count: int
    digest: str
    period: str | None = None
    form: str | None = None
    unit: str | None = None
    share: int = 0


class _Digests(msgspec.Struct, frozen=True):
    digests: list[_Digest]


class _Value(msgspec.Struct, frozen=True):
    indicator: str
    value: str | None
    status: str
    version: int = 0
    period: str = ""
    form: str = ""
    unit: str = ""


class _Values(msgspec.Struct, frozen=True):
    values: list[_Value]
    next: str | None = None


class RestClient:
    """A partner at the end of `road` that knows us by `token`."""

    def __init__(self, road: Road, token: str) -> None:
        self.cost = Cost()
        self._road = road
        self._headers = {"Authorization": f"Bearer {token}"}

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet."""
        body = {
            "message_id": packet.message_id,
            "sender": packet.sender,
            "form": packet.form,
            "unit": packet.unit,
            "period": packet.period,
            "version": packet.version,
            "content_hash": packet.content_hash,
            "values": [{"indicator": name, "value": value, "status": status} for name, value, status in packet.values],
        }
        return self._state("POST", "/api/v1/packets", packet.message_id, msgspec.json.encode(body))

    def status(self, packet: Packet) -> Answer:
        """Ask what became of a packet that was sent."""
        return self._state("GET", f"/api/v1/packets/{packet.message_id}", packet.message_id)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""
        given = [("level", level), ("period", period), ("form", form)]
        answer = self._read("/api/v1/digests", given, _Digests)
        try:
            return {(row.period, row.form, row.unit): Digest.parse(row.count, row.digest) for row in answer.digests}
        except ValueError as error:
            raise Unanswered(f"not a digest: {error}") from error

    def parts(self, period: str, form: str, parts: int) -> dict[int, Brief]:
        """Return the brief digests of parts of a form's keys. Raises Unanswered, Unknown."""
        given: Query = [("level", "part"), ("period", period), ("form", form), ("parts", parts)]
        return {row.share: brief for row, brief in self._briefs(given)}

    def units(self, period: str, form: str, parts: int, chosen: Sequence[int]) -> dict[str, Brief]:
        """Return the brief digests of the keys in these parts. Raises Unanswered, Unknown."""
        given: Query = [("level", "bucket"), ("period", period), ("form", form), ("parts", parts)]
        return {row.unit or "": brief for row, brief in self._briefs([*given, *(("part", part) for part in chosen)])}

    def groups(self, period: str, form: str, groups: int, units: Sequence[str]) -> dict[tuple[str, int], Brief]:
        """Return the brief digests of groups of these keys' entries. Raises Unanswered, Unknown."""
        given: Query = [("level", "group"), ("period", period), ("form", form), ("groups", groups)]
        found = self._briefs([*given, *(("unit", unit) for unit in units)])
        return {(row.unit or "", row.share): brief for row, brief in found}

    def entries(self, period: str, form: str, groups: int, chosen: Sequence[tuple[str, int]]) -> dict[str, Listing]:
        """Return what the partner holds in these groups. Raises Unanswered, Unknown."""
        given: Query = [("period", period), ("form", form), ("groups", groups)]
        of = [("of", f"{group}:{unit}") for unit, group in chosen]
        found: dict[str, Listing] = {}
        for page in self._pages([*given, *of], finer=True):
            for row in page:
                found.setdefault(row.unit, Listing()).add(row.indicator, Cell(row.value, row.status), row.version)
        return found

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""
        listing = Listing()
        for page in self._pages([("form", form), ("unit", unit), ("period", period)]):
            for row in page:
                listing.add(row.indicator, Cell(row.value, row.status), row.version)
        return listing

    def listing(self) -> Iterator[Sequence[Listed]]:
        """Yield everything the partner holds, page by page. Raises Unanswered."""
        for page in self._pages([], finer=True):
            yield [
                Listed(row.period, row.form, row.unit, row.indicator, Cell(row.value, row.status), row.version)
                for row in page
            ]

    def close(self) -> None:
        """Give connections back."""
        self._road.close()

    def _state(self, method: str, path: str, message_id: str, body: bytes | None = None) -> Answer:
        try:
            reply = self._call(method, path, body=body)
        except (Unreached, Lost) as error:
            return failed(error)
        return stated(reply, message_id)

    def _briefs(self, given: Query) -> list[tuple[_Digest, Brief]]:
        answer = self._read("/api/v1/digests", given, _Digests, finer=True)
        try:
            return [(row, Brief.parse(row.count, row.digest)) for row in answer.digests]
        except ValueError as error:
            raise Unanswered(f"not a digest: {error}") from error

    def _pages(self, given: Query, finer: bool = False) -> Iterator[list[_Value]]:
        after: str | None = None
        while True:
            page = self._read("/api/v1/values", [*given, ("after", after), ("limit", _PAGE)], _Values, finer)
            yield page.values
            if page.next is None or page.next == after:
                return
            after = page.next

    def _read(self, path: str, given: Query, shape: type[T], finer: bool = False) -> T:
        """Ask a question and return the answer; its cost is counted as query and body. Raises Unanswered, and for a
        `finer` question Unknown if the partner does not take it."""
        query = urlencode([(name, value) for name, value in given if value is not None])
        self.cost.calls += 1
        try:
            reply = self._call("GET", f"{path}?{query}")
            self.cost.bytes += len(query) + len(reply.body)
            if reply.status != 200:
                told = Unknown if finer and reply.status in _NOT_TAKEN else Unanswered
                raise told(f"answered {reply.status}")
            return msgspec.json.decode(reply.body, type=shape)
        except (Unreached, Lost, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error

    def _call(self, method: str, path: str, *, body: bytes | None = None) -> Reply:
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        return self._road.send(method, path, body=body, headers=headers)


def stated(reply: Reply, message_id: str) -> Answer:
    """Return what a reply tells of the packet with this message id."""
    if reply.status != 200:
        return refusal(reply.status, reply.headers, reply.body)
    try:
        state = msgspec.json.decode(reply.body, type=_State)
    except ValueError as error:
        return Answer(Said.UNCLEAR, f"malformed answer: {error}")
    if state.message_id != message_id or state.state not in _SAID:
        return Answer(Said.UNCLEAR, f"answered {state.state} about {state.message_id}")
    story = None if state.state != "rejected" else "rejected by the partner"
    return Answer(_SAID[state.state], story, version=state.version)


def failed(error: Unreached | Lost) -> Answer:
    """Return what a road's failure tells of the partner's store."""
    if isinstance(error, Unreached):
        return Answer(Said.NOT_APPLIED, str(error), quick=error.quick)
    return Answer(Said.UNCLEAR, str(error))


def refusal(status: int, headers: Any, raw: bytes) -> Answer:
    """Return what an HTTP status other than 200 tells. 401, 403 and 404 are faults of the set-up, not of the packet."""
    story = f"answered {status}: {raw[:300].decode(errors='replace')}".rstrip(": ")
    if status in (401, 403, 404, 429, 503):
        return Answer(Said.NOT_APPLIED, story, retry_after(headers.get("retry-after")), quick=status in (429, 503))
    if 400 <= status < 500:
        return Answer(Said.REFUSED, story)
    return Answer(Said.UNCLEAR, story)


def retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date, a day at most; None for neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return min(float(text), MAX_PAUSE_SECONDS)
    try:
        wished = parsedate_to_datetime(text)
    except ValueError:
        return None
    wished = wished if wished.tzinfo is not None else wished.replace(tzinfo=UTC)
    return min(max(0.0, (wished - (now or datetime.now(UTC))).total_seconds()), MAX_PAUSE_SECONDS)
