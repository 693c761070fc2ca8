"""Asking a source for its pages: the first request, and what leads from a page to the next. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from msgspec import Struct

from services.integration.domain.dialects import RestCall
from services.integration.domain.pull_source import Source
from shared.errors import Invalid


class Ask(Struct, frozen=True):
    """One request to a source: a path under the partner's endpoint and its query; or, without a path, what the source's
    `call` is to say by its names."""

    path: str
    parameters: dict[str, str]


def first_ask(source: Source[Any], since: int | None) -> Ask:
    """Return the request for the first page of rows whose mark is not below `since`."""
    paging, called = source.paging, source.call is not None
    parameters = dict(source.query)
    if since is not None:
        parameters["since" if called else source.watermark.parameter] = source.watermark.text(since)
    if called or paging.size_parameter:
        parameters["limit" if called else paging.size_parameter] = str(paging.size)
    if paging.kind == "number":
        parameters[source.leading] = str(paging.first)
    return Ask(source.path, parameters)


def next_ask(source: Source[Any], ask: Ask, page: Any, rows: int, endpoint: str) -> Ask | None:
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
        number = int(ask.parameters[source.leading]) + 1
        return Ask(ask.path, {**ask.parameters, source.leading: str(number)})
    following = at(page, paging.next)
    if following is None or following == "":
        return None
    if paging.kind == "cursor":
        if isinstance(following, bool) or not isinstance(following, str | int):
            raise bad_page(f"the cursor at {paging.next} is neither text nor number")
        return Ask(ask.path, {**ask.parameters, source.leading: str(following)})
    if not isinstance(following, str):
        raise bad_page(f"the link at {paging.next} is no text")
    return _followed(following, ask.path or getattr(source.call, "path", ""), endpoint)


def call_of(source: Source[Any], ask: Ask) -> tuple[Any, dict[str, Any]]:
    """Return the call that makes this request, and what its names stand for: numbers as numbers."""
    if ask.path:
        return RestCall(method="GET", path=ask.path, query=ask.parameters), {}
    whole = {"page", "limit"} | ({"since"} if source.watermark.kind == "number" else set())
    return source.call, {name: int(told) if name in whole else told for name, told in ask.parameters.items()}


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


def bad_page(message: str) -> Invalid:
    """Return the failure of a page that cannot be read."""
    return Invalid("integration.bad_page", message[:300], "Trang dữ liệu của nguồn không đúng định dạng.")


def _followed(link: str, path: str, endpoint: str) -> Ask:
    base = endpoint.rstrip("/")
    try:
        told = urlsplit(urljoin(base + path, link))
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
