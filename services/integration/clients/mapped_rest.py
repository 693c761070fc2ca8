"""Calls of a dialect over REST: JSON out, JSON in, each number read as the decimal it is written as."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from services.integration.clients.rest import retry_after
from services.integration.clients.transport import Lost, Reply, Road
from services.integration.domain.dialects import Auth, Heard, Manner, RestCall, Unsayable, path_of, rendered
from services.integration.domain.dialects.pointers import MISSING

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_PLAIN = re.compile(r"[\x20-\x7e]*")
_SHOWN = 300


class RestSpeaker:
    """Says calls in this `manner` over `road`, which leads to `address`, where we are known by `secret`."""

    def __init__(self, manner: Manner, road: Road, address: str, secret: str) -> None:
        self._headers = manner.headers
        self._known_by = http_auth(manner.auth, secret)
        self._road = road
        self._address = address.rstrip("/")

    def say(
        self, call: RestCall, names: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), link: str | None = None
    ) -> Heard:
        """Say a call, or follow the link to its next page. Raises Unreached, Lost, Unsayable."""
        headers = _headers({**self._headers, **call.headers}, names) | {"Accept": "application/json"} | self._known_by
        if link is not None:
            return _heard(self._road.send(call.method, self._beyond(link), headers=headers))
        body = None if call.body is None else _ENCODER.encode(rendered(call.body, names, rows))
        if body is not None:
            headers["Content-Type"] = "application/json"
        params = {name: _word(name, value) for name, value in rendered(call.query, names).items() if value is not None}
        path = path_of(call.path, names)
        return _heard(self._road.send(call.method, path, body=body, headers=headers, params=params or None))

    def close(self) -> None:
        """Give connections back."""
        self._road.close()

    def _beyond(self, link: str) -> str:
        """Return what follows the partner's address in a link; one that leads elsewhere is not followed: it would
        carry our credential there."""
        whole = urlsplit(urljoin(self._address + "/", link))._replace(fragment="").geturl()
        if not whole.startswith((self._address + "/", self._address + "?")) or "/../" in whole:
            raise Lost(f"the next page would lead away from the partner's address: {link[:200]}")
        return whole.removeprefix(self._address)


def http_auth(auth: Auth, secret: str) -> dict[str, str]:
    """Return the HTTP header by which the partner knows us; none if it does so otherwise."""
    if auth.kind == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    if auth.kind == "basic":
        pair = base64.b64encode(f"{auth.user}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {auth.name: secret} if auth.kind == "header" else {}


def _headers(templates: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, str]:
    said = {name: value for name, value in rendered(templates, names).items() if value is not None}
    found = {name: _word(name, value) for name, value in said.items()}
    for name, value in found.items():
        if not _PLAIN.fullmatch(value):
            raise Unsayable(f"header {name}: {value!r} has letters that a header cannot carry")
    return found


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise Unsayable(f"{name}: a list or object cannot stand in a query or header")
    return str(value)


def _heard(reply: Reply) -> Heard:
    document, trouble = MISSING, None
    try:
        document = _DECODER.decode(reply.body)
    except (msgspec.DecodeError, ValueError, RecursionError, InvalidOperation) as error:
        trouble = f"not JSON: {error}" if reply.body else "an empty body"
    return Heard(
        status=reply.status,
        document=document,
        trouble=trouble,
        retry_after=retry_after(reply.headers.get("retry-after")),
        beginning=reply.body[:_SHOWN].decode(errors="replace"),
        body_hash=sha256(reply.body).digest(),
        size=len(reply.body),
        link=httpx.Response(200, headers={"link": reply.headers.get("link", "")}).links.get("next", {}).get("url"),
    )
