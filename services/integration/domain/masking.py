"""Taking secrets out of messages before they are kept. Pure.

What is certainly secret (the partner's own credential, wherever it stands) is replaced by its bytes; what by its name
must be (headers, JSON fields, XML elements, query parameters, WS-Security) by its place. Works on text that is cut off
or malformed as well: a value that has no end is hidden to the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"
_MASK = HIDDEN.encode()

_NAMES = (
    r"(?:[\w.-]*(?:password|passwd|secret|token|api[_-]?key|authorization|credential|private[_-]?key|session[_-]?id)"
    r"[\w.-]*|mat[_-]?khau)"
)
_HEADERS = re.compile(rf"(?:{_NAMES}|cookie2?|set-cookie|x-[\w-]*(?:key|auth|signature)[\w-]*)", re.IGNORECASE)
_HINTS = re.compile(
    rb"pass|secret|token|api[_-]?key|authorization|credential|private|session|mat[_-]?khau|security>", re.IGNORECASE
)
_JSON = re.compile(
    rf'("{_NAMES}"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^\s",}}\]\[{{][^\s",}}\]]*)'.encode(), re.IGNORECASE
)
_XML = re.compile(rf"(<(?:[\w.-]+:)?{_NAMES}(?:\s[^<>]*)?(?<!/)>)[^<]+".encode(), re.IGNORECASE)
_SECURITY = re.compile(rb"(<(?:[\w.-]+:)?Security(?:\s[^<>]*)?(?<!/)>).*?(</(?:[\w.-]+:)?Security\s*>|\Z)", re.DOTALL)
_FORM = re.compile(rf"((?:\A|&){_NAMES}=)[^&\s]+".encode(), re.IGNORECASE)
_QUERY = re.compile(rf"((?:\A|&){_NAMES}=)[^&]+", re.IGNORECASE)


def masked_body(raw: bytes, secrets: Iterable[bytes] = ()) -> bytes:
    """Return the text with secrets replaced; what names none is returned as it is."""
    for secret in secrets:
        if secret:
            raw = raw.replace(secret, _MASK)
    if _HINTS.search(raw) is None:
        return raw
    hidden = rb"\1" + _MASK
    raw = _SECURITY.sub(hidden + rb"\2", raw)
    raw = _XML.sub(hidden, raw)
    raw = _JSON.sub(rb'\1"' + _MASK + b'"', raw)
    return _FORM.sub(hidden, raw)


def masked_headers(headers: Mapping[str, str], secrets: Iterable[bytes] = ()) -> str:
    """Return header lines, those that carry credentials without their values."""
    hide = tuple(secret.decode(errors="replace") for secret in secrets if secret)
    lines = []
    for name, value in headers.items():
        shown = HIDDEN if _HEADERS.fullmatch(name) else value
        for secret in hide:
            shown = shown.replace(secret, HIDDEN)
        lines.append(f"{name}: {shown}")
    return "\r\n".join(lines)


def masked_address(url: str, secrets: Iterable[bytes] = ()) -> str:
    """Return the address without user, password and parameters that carry credentials."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, place, parts.path, _QUERY.sub(rf"\1{HIDDEN}", parts.query), ""))
    for secret in secrets:
        if secret:
            shown = shown.replace(secret.decode(errors="replace"), HIDDEN)
    return shown
