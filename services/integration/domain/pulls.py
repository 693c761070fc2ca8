"""How a source system is pulled from: what a partner's `source` says, read with precise errors. Pure.

    {"forms": ["MT-THANG"], "path": "/api/changes",
     "schedule": {"cron": "15 * * * *"},
     "watermark": {"parameter": "since", "overlap": 300},
     "paging": {"kind": "cursor", "parameter": "cursor", "next": "next", "size": 500},
     "rows": {"at": "rows", "unit": "unit", "period": "period", "indicator": "code", "value": "value",
              "mark": "changed_at"}}

A *mark* tells when a row last changed: an instant, or a number that only rises. Inside it is one whole number
(microseconds since 1970, or the number itself). The source is asked for rows whose mark is not below the *watermark*
(the highest mark of the last run that succeeded) less the *overlap*, which takes in what became visible late.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Meta, Struct

from services.integration.domain.partners import ZONE, Partner
from shared.errors import Invalid

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
    """From where on the source is asked: `parameter` of the request, the `kind` of mark, the `overlap` (seconds, or
    steps of the number), and the mark to `start` from when nothing was pulled yet (empty: from the beginning)."""

    parameter: Name
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
    - `link`: the page has the next one's address at `next`, which must lie under the partner's endpoint;
    - `none`: there is one page.
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


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a partner's `source` says. `forms` and `units` (hub ids; "*": all) bound what is taken from it."""

    forms: Annotated[tuple[Name, ...], Meta(min_length=1)]
    path: Annotated[str, Meta(pattern=r"^/[^\s?#]*$", max_length=500)]
    schedule: Schedule
    watermark: Watermark
    rows: RowShape
    units: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("*",)
    query: dict[str, str] = {}
    paging: Paging = Paging()


class Ask(Struct, frozen=True):
    """One request to a source: a path under the partner's endpoint, and what is asked."""

    path: str
    parameters: dict[str, str]


def source_of(partner: Partner) -> Source | None:
    """Return how this partner is pulled from, None if it is not. Raises Invalid("integration.bad_source") with the
    place of what is wrong."""
    if not partner.source:
        return None
    try:
        source = msgspec.convert(dict(partner.source), Source)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise _bad(place.strip("`") or "$", message) from error
    for place, message in _faults(source):
        raise _bad(place, message)
    return source


def first_ask(source: Source, since: int | None) -> Ask:
    """Return the request for the first page of rows whose mark is not below `since`."""
    paging = source.paging
    parameters = dict(source.query)
    if since is not None:
        parameters[source.watermark.parameter] = source.watermark.text(since)
    if paging.size_parameter:
        parameters[paging.size_parameter] = str(paging.size)
    if paging.kind == "number":
        parameters[paging.parameter] = str(paging.first)
    return Ask(source.path, parameters)


def next_ask(source: Source, ask: Ask, page: Any, rows: int, endpoint: str) -> Ask | None:
    """Return the request for the page after this one, None after the last.

    Raises Invalid("integration.bad_page") for a next page that cannot be read, ("integration.pull_leaves_host") for a
    link to elsewhere: the source's secret travels with each request.
    """
    paging = source.paging
    if paging.kind == "none":
        return None
    if paging.kind == "number":
        if not rows:
            return None
        number = int(ask.parameters[paging.parameter]) + 1
        return Ask(ask.path, {**ask.parameters, paging.parameter: str(number)})
    following = at(page, paging.next)
    if following is None or following == "":
        return None
    if paging.kind == "cursor":
        if isinstance(following, bool) or not isinstance(following, str | int):
            raise bad_page(f"the cursor at {paging.next} is neither text nor number")
        return Ask(ask.path, {**ask.parameters, paging.parameter: str(following)})
    if not isinstance(following, str):
        raise bad_page(f"the link at {paging.next} is no text")
    return _followed(following, ask, endpoint)


def at(value: Any, path: str) -> Any:
    """Return what stands at this path, None if nothing does."""
    for name in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def mark_of(instant: datetime) -> int:
    """Return the mark of an instant: microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def bad_page(message: str) -> Invalid:
    """Return the failure of a page that cannot be read."""
    return Invalid("integration.bad_page", message[:300], "Trang dữ liệu của nguồn không đúng định dạng.")


def _followed(link: str, ask: Ask, endpoint: str) -> Ask:
    base = endpoint.rstrip("/")
    try:
        told = urlsplit(urljoin(base + ask.path, link))
        inside = _host(told.geturl()) == _host(base) and told.path.startswith(urlsplit(base).path + "/")
    except ValueError as error:
        raise bad_page(f"the next link is no address: {error}") from error
    if not inside:
        raise Invalid(
            "integration.pull_leaves_host",
            f"the next link leads to {told.scheme}://{told.netloc}{told.path}, away from the source",
            "Liên kết trang tiếp theo dẫn ra ngoài hệ thống nguồn.",
        )
    path = told.path.removeprefix(urlsplit(base).path)
    return Ask(path, dict(parse_qsl(told.query, keep_blank_values=True)))


def _host(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _faults(source: Source) -> list[tuple[str, str]]:
    """Return what the shapes cannot say: place and fault."""
    schedule, paging, rows = source.schedule, source.paging, source.rows
    found = []
    if bool(schedule.cron) == bool(schedule.every_seconds):
        found.append(("$.schedule", "either cron or every_seconds"))
    if schedule.cron and (fault := _cron_fault(schedule.cron)):
        found.append(("$.schedule.cron", fault))
    if paging.kind in ("cursor", "number") and not paging.parameter:
        found.append(("$.paging.parameter", f"{paging.kind} paging needs one"))
    if paging.kind in ("cursor", "link") and not paging.next:
        found.append(("$.paging.next", f"{paging.kind} paging needs the place of what leads to the next page"))
    if not rows.form and len(source.forms) > 1:
        found.append(("$.rows.form", "needed where a source has several forms"))
    if source.watermark.start and source.watermark.read(source.watermark.start) is None:
        found.append(("$.watermark.start", f"{source.watermark.start!r} is no mark of kind {source.watermark.kind}"))
    named = [source.watermark.parameter, *source.query]
    named += [name for name in (paging.parameter, paging.size_parameter) if name]
    if len(named) != len(set(named)):
        found.append(("$.query", "a parameter is named twice"))
    return found


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
