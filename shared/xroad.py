"""X-Road's words (message protocol 4.0 for SOAP, message protocol for REST r1), as both sides of the hub use them:
identifiers, names of headers, and what its errors tell. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from shared.errors import Invalid

XROAD = "http://x-road.eu/xsd/xroad.xsd"
IDENTIFIERS = "http://x-road.eu/xsd/identifiers"
REPRESENTATION = "http://x-road.eu/xsd/representation.xsd"
PROTOCOL_VERSION = "4.0"
REST_PREFIX = "/r1/"

_MEMBER_PARTS = (3, 4)
_BAD = re.compile(r"[:;/\\%\x00-\x1f\x7f-\x9f\u200b\ufeff]")
_MAX_PART = 255
_CERTAIN = ("AccessDenied", "UnknownService", "UnknownMember", "ServiceDisabled", "SslAuthenticationFailed")
"""Ends of error codes by which a security server says that it has not called the service. Others, such as
ServiceFailed, NetworkError or a failed message log, may come after the service has done its work."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member or, with `subsystem`, one of its subsystems: who asks, or who offers services."""

    instance: str
    member_class: str
    member_code: str
    subsystem: str | None = None

    @classmethod
    def read(cls, text: str) -> Member:
        """Return the member that `INSTANCE/CLASS/CODE[/SUBSYSTEM]` names, parts percent-encoded.

        Raises Invalid("xroad.bad_identifier").
        """
        parts = _parts(text)
        if len(parts) not in _MEMBER_PARTS:
            raise _bad(text)
        return cls(*parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its codes, from the instance down."""
        whole = (self.instance, self.member_class, self.member_code, self.subsystem)
        return tuple(part for part in whole if part is not None)

    @property
    def kind(self) -> str:
        """The identifier's `objectType`."""
        return "MEMBER" if self.subsystem is None else "SUBSYSTEM"

    def __str__(self) -> str:
        return "/".join(quote(part, safe="") for part in self.parts)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a provider. REST knows no version of it."""

    provider: Member
    code: str
    version: str | None = None

    @classmethod
    def read(cls, text: str) -> Service:
        """Return the service that `INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE` names. The subsystem is required here:
        without it nobody could tell a service's code from a subsystem's. Raises Invalid("xroad.bad_identifier")."""
        parts = _parts(text)
        if len(parts) != 5:
            raise _bad(text)
        return cls(Member(*parts[:4]), parts[4])

    def __str__(self) -> str:
        return f"{self.provider}/{quote(self.code, safe='')}"


def _parts(text: str) -> list[str]:
    try:
        parts = [unquote(part, errors="strict") for part in text.split("/")]
    except UnicodeDecodeError as error:
        raise _bad(text) from error
    for part in parts:
        checked_code(part)
    return parts


def checked_code(code: str) -> str:
    """Return `code` if it may be a part of an identifier. Raises Invalid("xroad.bad_identifier")."""
    if not code.strip() or len(code) > _MAX_PART or _BAD.search(code) or code in (".", ".."):
        raise _bad(code)
    return code


def _bad(text: str) -> Invalid:
    return Invalid(
        "xroad.bad_identifier", f"{text[:200]!r} is no X-Road identifier", "Mã định danh X-Road không hợp lệ."
    )


def of_platform(code: str) -> bool:
    """Tell whether this fault code or X-Road-Error was made by a security server, not by the service behind it."""
    return code.startswith(("Client.", "Server.ClientProxy", "Server.ServerProxy"))


def surely_not_done(code: str) -> bool:
    """Tell whether this error of the platform says that the service was certainly not called: the request broke a rule
    of the client's own security server (`Client.…`), or was stopped at a gate. What failed with the service itself
    (`….ServiceFailed.…`) may have been called, however the code ends."""
    if "ServiceFailed" in code.split("."):
        return False
    return code.startswith("Client.") or code.rpartition(".")[2] in _CERTAIN
