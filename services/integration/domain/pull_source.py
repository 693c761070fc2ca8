"""How a source system is pulled from: what a partner's `source` says, read with precise errors. Pure.

    {"forms": ["MT-THANG"], "path": "/api/changes",
     "schedule": {"cron": "15 * * * *"},
     "watermark": {"parameter": "since", "overlap": 300},
     "paging": {"kind": "cursor", "parameter": "cursor", "next": "next", "size": 500},
     "rows": {"at": "rows", "unit": "unit", "period": "period", "indicator": "code", "value": "value",
              "mark": "changed_at"}}

A source that is asked by POST or by SOAP has a `call` in the place of `path`: a template as dialects have them
(domain/dialects), in which `since`, `page`, `cursor` and `limit` may stand:

    "call": {"method": "POST", "path": "/api/query", "body": {"from": {"$": "since"}, "after": {"$": "cursor"}}}
    "call": {"operation": "ListChanges", "arguments": {"From": {"$": "since"}, "Page": {"$": "page"}}}

A *mark* tells when a row last changed: an instant, or a number that only rises. Inside it is one whole number
(microseconds since 1970, or the number itself). The source is asked for rows whose mark is not below the *watermark*
(the highest mark of the last run that succeeded) less the *overlap*, which takes in what became visible late.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Meta, Struct

from services.integration.domain.dialects import (
    Auth,
    Contract,
    Manner,
    RestCall,
    SoapCall,
    call_faults,
    dialect_of,
    manner_faults,
    named_in,
)
from services.integration.domain.partners import ZONE, Partner
from shared.errors import Invalid

C = TypeVar("C")

ASKED = frozenset({"since", "page", "cursor", "limit"})
"""The names that may stand in the call by which a source is asked for a page."""

_HTTP = ("bearer", "basic", "header", "none")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_MARK = 2**63 - 1

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Path = Annotated[str, Meta(max_length=200, pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
"""Where something stands in a JSON object: names joined by points (`unit.code`); numbers count in lists."""


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the source is pulled: at the moments of `cron` (five fields, Asia/Ho_Chi_Minh), or every so many seconds."""

    cron: str = ""
    every_seconds: Annotated[float, Meta(ge=0)] = 0.0

    def due(self, last: datetime | None, now: datetime) -> bool:
        """Tell whether a run is due when the last one began at `last`; one that never was is due at once."""
        if last is None:
            return True
        if self.cron:
            return bool(next(CronSim(self.cron, last.astimezone(ZONE))) <= now)
        return now - last >= timedelta(seconds=self.every_seconds)


class Watermark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on the source is asked: `parameter` of the request (of a `call`: its name `since`), the `kind` of
    mark, the `overlap` (seconds, or steps of the number), and the mark to `start` from when nothing was pulled yet
    (empty: from the beginning)."""

    parameter: Annotated[str, Meta(max_length=200)] = ""
    kind: Literal["time", "number"] = "time"
    overlap: Annotated[int, Meta(ge=0)] = 0
    start: str = ""

    def read(self, given: object) -> int | None:
        """Return the mark that this is, None if it is none. An instant without its zone is one in Vietnam."""
        if self.kind == "number":
            if isinstance(given, str) and given.isascii() and given.isdecimal():
                given = int(given) if len(given) < 20 else None
            good = isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= _LARGEST_MARK
            return given if good and isinstance(given, int) else None
        if not isinstance(given, str):
            return None
        try:
            instant = datetime.fromisoformat(given)
            instant = instant if instant.tzinfo is not None else instant.replace(tzinfo=ZONE)
            mark = mark_of(instant)
        except (ValueError, OverflowError):
            return None
        return mark if mark >= 0 else None

    def text(self, mark: int) -> str:
        """Return the mark as the source writes it."""
        if self.kind == "number":
            return str(mark)
        return (_EPOCH + timedelta(microseconds=mark)).isoformat().replace("+00:00", "Z")

    def since(self, mark: int | None) -> int | None:
        """Return the mark from which to ask when this one was reached; None: from the beginning."""
        if mark is None:
            return self.read(self.start) if self.start else None
        return max(0, mark - self.overlap * (1_000_000 if self.kind == "time" else 1))


class Paging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one page leads to the next.

    - `cursor`: the page has the next one's cursor at `next` (null or absent: it was the last), sent as `parameter`;
    - `number`: pages are counted in `parameter` from `first`, and the first empty one ends it;
    - `link`: the page has the next one's address at `next`, which must lie under the partner's endpoint; it is followed
      by GET, whatever asked for the first page;
    - `none`: there is one page.
    Where the source is asked by a `call`, its names `cursor`, `page` and `limit` take the place of parameters.
    `total`: where a page tells how many rows there are in all; fewer read are a failure. `ordered`: rows come by rising
    mark, so that a run may end after `max_pages` and the next one go on from there.
    """

    kind: Literal["cursor", "number", "link", "none"] = "none"
    parameter: str = ""
    next: Path | Literal[""] = ""
    first: Annotated[int, Meta(ge=0)] = 1
    size_parameter: str = ""
    size: Annotated[int, Meta(ge=1, le=50_000)] = 500
    max_pages: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    total: Path | Literal[""] = ""
    ordered: bool = False


class RowShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a row names what it tells; `at` is where a page has its rows (empty: the page is the list).

    Without `form` all rows are of the source's only form. `statuses` gives the hub's word for each of theirs; without
    `status` every value is official. `deleted` is where a row says that it is gone there, by one of `deleted_when`.
    `decimal` is the sign that texts use; values that are JSON numbers need none. `nothing` lists the texts that mean
    "không phát sinh", `null` among them if they write it so.
    """

    at: Path | Literal[""] = ""
    form: Path | Literal[""] = ""
    unit: Path
    period: Path
    indicator: Path
    value: Path
    mark: Path
    status: Path | Literal[""] = ""
    statuses: dict[str, Literal["estimate", "preliminary", "official"]] = {}
    deleted: Path | Literal[""] = ""
    deleted_when: tuple[str | bool | int, ...] = (True,)
    decimal: Literal[".", ","] = "."
    nothing: tuple[str | None, ...] = ()


class Source(Struct, Generic[C], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a partner's `source` says. `forms` and `units` (hub ids; "*": all) bound what is taken from it;
    `compare` says when what it holds is compared with what was received from it.

    It is asked by GET at `path` with `query`, or by a `call` in the partner's protocol, with `headers` and known by
    `auth`; with SOAP by a `contract`. Without `auth` or `contract` those of the partner's dialect hold, if it has one,
    else a bearer token.
    """

    forms: Annotated[tuple[Name, ...], Meta(min_length=1)]
    path: Annotated[str, Meta(pattern=r"^(/[^\s?#]*)?$", max_length=500)] = ""
    call: C | None = None
    auth: Auth | None = None
    headers: dict[str, Any] = {}
    contract: Contract | None = None
    schedule: Schedule
    watermark: Watermark
    rows: RowShape
    units: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("*",)
    compare: Schedule | None = None
    query: dict[str, str] = {}
    paging: Paging = Paging()

    @property
    def soap(self) -> bool:
        """Tell whether it is asked by SOAP, so that its pages are XML."""
        return isinstance(self.call, SoapCall)

    @property
    def leading(self) -> str:
        """What leads from page to page: a parameter, or the call's own name for it."""
        if self.call is None:
            return self.paging.parameter
        return "page" if self.paging.kind == "number" else "cursor"

    @property
    def manner(self) -> Manner:
        """How the source is spoken to."""
        operations = {"call": self.call.operation} if isinstance(self.call, SoapCall) else {}
        contract = self.contract if operations else None
        return Manner(auth=self.auth or Auth(), headers=self.headers, contract=contract, operations=operations)


def source_of(partner: Partner) -> Source[Any] | None:
    """Return how this partner is pulled from, None if it is not. Raises Invalid("integration.bad_source") with the
    place of what is wrong."""
    if not partner.source:
        return None
    shape: Any = Source[SoapCall] if partner.protocol == "soap" else Source[RestCall]
    try:
        source: Source[Any] = msgspec.convert(dict(partner.source), shape)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise _bad(place.strip("`") or "$", message) from error
    source = _known_as(source, partner)
    for place, message in _faults(source):
        raise _bad(place, message)
    return source


def mark_of(instant: datetime) -> int:
    """Return the mark of an instant: microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _known_as(source: Source[Any], partner: Partner) -> Source[Any]:
    """Return the source with what it takes over from the partner's dialect."""
    if not partner.dialect or "packets" in partner.dialect:
        return source
    dialect = dialect_of(partner.protocol, partner.dialect)
    auth = dialect.auth if source.soap or dialect.auth.kind in _HTTP else None
    contract = dialect.contract if source.soap else None
    return msgspec.structs.replace(source, auth=source.auth or auth, contract=source.contract or contract)


def _faults(source: Source[Any]) -> Iterator[tuple[str, str]]:
    """Yield what the shapes cannot say: place and fault."""
    paging, rows = source.paging, source.rows
    for place, schedule in (("$.schedule", source.schedule), ("$.compare", source.compare)):
        if schedule is not None and bool(schedule.cron) == bool(schedule.every_seconds):
            yield place, "either cron or every_seconds"
        if schedule is not None and schedule.cron and (fault := _cron_fault(schedule.cron)):
            yield f"{place}.cron", fault
    if (source.call is None) == (not source.path):
        yield "$.path", "either path, asked by GET, or call"
    elif source.call is None:
        yield from _parameter_faults(source)
    else:
        yield from _call_faults(source, source.call)
    if paging.kind in ("cursor", "link") and not paging.next:
        yield "$.paging.next", f"{paging.kind} paging needs the place of what leads to the next page"
    if not rows.form and len(source.forms) > 1:
        yield "$.rows.form", "needed where a source has several forms"
    if source.watermark.start and source.watermark.read(source.watermark.start) is None:
        yield "$.watermark.start", f"{source.watermark.start!r} is no mark of kind {source.watermark.kind}"
    for told in manner_faults("soap" if source.soap else "rest", source.manner, frozenset()):
        place, _, message = told.partition(": ")
        yield f"$.{place}", message


def _parameter_faults(source: Source[Any]) -> Iterator[tuple[str, str]]:
    paging, watermark = source.paging, source.watermark
    if not watermark.parameter:
        yield "$.watermark.parameter", "needed: by which parameter is the source told from where on to list?"
    if paging.kind in ("cursor", "number") and not paging.parameter:
        yield "$.paging.parameter", f"{paging.kind} paging needs one"
    named = [name for name in (watermark.parameter, paging.parameter, paging.size_parameter) if name] + [*source.query]
    if len(named) != len(set(named)):
        yield "$.query", "a parameter is named twice"


def _call_faults(source: Source[Any], call: RestCall | SoapCall) -> Iterator[tuple[str, str]]:
    paging = source.paging
    parameters = {
        "$.watermark.parameter": source.watermark.parameter,
        "$.paging.parameter": paging.parameter,
        "$.paging.size_parameter": paging.size_parameter,
        "$.query": source.query,
    }
    for place, told in parameters.items():
        if told:
            yield place, "belongs to path: a call says since, page, cursor and limit by their names"
    for fault in call_faults(call, ASKED, "call", rows=False):
        place, _, message = fault.partition(": ")
        yield f"$.{place}", message
    if paging.kind in ("cursor", "number") and source.leading not in named_in(call):
        yield "$.call", f"pages follow each other by {source.leading}, which it does not say"
    if source.soap and source.contract is None:
        yield "$.contract", "missing: SOAP is spoken by a WSDL"
    if source.soap and paging.kind == "link":
        yield "$.paging.kind", "links are followed by GET, which SOAP has not"


def _cron_fault(expression: str) -> str | None:
    if len(expression.split()) != 5:
        return f"{expression!r} does not have five fields"
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=ZONE)))
    except CronSimError as error:
        return f"{expression!r}: {error}"
    except StopIteration:
        return f"{expression!r} never comes"
    return None


def _bad(place: str, message: str) -> Invalid:
    return Invalid(
        "integration.bad_source",
        f"{message} at {place}",
        f"Khai báo nguồn dữ liệu không đúng tại {place}.",
        {"errors": [{"place": place, "code": "integration.bad_source", "message": message}]},
    )
