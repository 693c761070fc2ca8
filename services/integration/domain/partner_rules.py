"""What a partner's document must hold to: every fault of it with its place, so that it is mended at once. Pure.

Secrets are named, never held: a credential, a certificate or a key is the name of a file of the secret store.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from services.integration.domain import timetable, unambiguous, xroad
from services.integration.domain.dialects.description import Dialect, dialect_of
from services.integration.domain.packets import packet_dialect
from services.integration.domain.partners import LEVELS, Partner, Signatures
from services.integration.domain.pull_source import source_of
from services.integration.domain.unambiguous import Fault, Known
from shared.errors import Invalid
from shared.packets.trust import holder_of

PROTOCOLS = ("rest", "soap", "push")
COMPARING = ("digest", "listing", "none")
TRANSPORTS = ("plain", "tls", "mutual_tls", "xroad")

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAMES_A_FILE = "is the name of a file of the secret store: letters, digits, _ - and single dots, no path"
_SECRET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")


def check(partner: Partner, known: Known) -> None:
    """Raise Invalid if this partner cannot be, with each fault's place: "integration.bad_partner", and of what
    describes a protocol that is not ours "integration.bad_dialect", "integration.bad_source"."""
    found = [*_head(partner), *_road(partner), *_xroad(partner), *_bounds(partner, known)]
    found += unambiguous.faults(partner.mapping, known)
    if partner.mapping.periods and (not partner.dialect or "packets" in partner.dialect):
        found.append(
            ("mapping.periods", "our protocol and packets name periods as the hub does: another dialect respells them")
        )
    if found:
        place, told = found[0]
        raise Invalid(
            "integration.bad_partner",
            f"{partner.id}: {place} {told}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
            f"Khai báo hệ thống {partner.id} chưa hợp lệ tại {place}.",
            {
                "errors": [
                    {"place": place, "code": "integration.bad_partner", "message": told} for place, told in found[:100]
                ]
            },
        )
    source_of(partner)
    if "packets" in partner.dialect:
        packet_dialect(partner)
    elif partner.dialect:
        _check_readable(partner, dialect_of(partner.protocol, partner.dialect))


def _check_readable(partner: Partner, dialect: Dialect[Any]) -> None:
    """Raise Invalid("integration.bad_partner") if it is to be compared by a question that its dialect does not have."""
    needed = {"digest": ("digests", dialect.digests), "listing": ("list", dialect.list)}
    name, operation = needed.get(partner.comparing, ("", dialect))
    if operation is None:
        told = f"{partner.comparing} needs the operation {name}, which the dialect does not describe"
        raise Invalid(
            "integration.bad_partner",
            f"{partner.id}: comparing {told}",
            f"Khai báo hệ thống {partner.id} chưa hợp lệ tại comparing.",
            {"errors": [{"place": "comparing", "code": "integration.bad_partner", "message": told}]},
        )


def _head(partner: Partner) -> Iterator[Fault]:
    if not _ID.fullmatch(partner.id):
        yield "id", "is of small letters, digits and hyphens"
    if not partner.name.strip():
        yield "name", "is empty"
    if partner.protocol not in PROTOCOLS:
        yield "protocol", f"{partner.protocol!r} is none of {', '.join(PROTOCOLS)}"
    if partner.min_level not in LEVELS:
        yield "min_level", f"{partner.min_level!r} is none of {', '.join(LEVELS)}"
    if partner.comparing not in COMPARING:
        yield "comparing", f"{partner.comparing!r} is none of {', '.join(COMPARING)}"
    if len(set(partner.forms)) < len(partner.forms) or not all(partner.forms):
        yield "forms", "names each form once"
    if not 0 < partner.max_processing_seconds <= 86_400:
        yield "max_processing_seconds", "is more than 0 and at most a day"


def _road(partner: Partner) -> Iterator[Fault]:
    if partner.protocol == "push":
        if partner.forms or partner.endpoint or partner.credential or partner.source:
            yield "protocol", "a partner that only calls has no forms, endpoint, credential or source"
        return
    try:
        address = urlsplit(partner.endpoint)
        port = address.port
    except ValueError:
        yield "endpoint", f"{partner.endpoint!r} is no address"
        return
    if address.scheme not in ("http", "https") or not address.hostname or port == 0:
        yield "endpoint", "is an http or https address"
    if address.username or address.password or address.query or address.fragment:
        yield "endpoint", "holds no user, secret or query: secrets are named under credential"
    kind = partner.transport.kind
    if kind not in TRANSPORTS:
        yield "transport.kind", f"{kind!r} is none of {', '.join(TRANSPORTS)}"
    if kind in ("tls", "mutual_tls") and address.scheme != "https":
        yield "endpoint", f"{kind} goes to https addresses"
    if kind == "plain" and address.scheme == "https":
        yield "transport.kind", "an https address is reached over tls or mutual_tls"
    if kind == "mutual_tls" and not partner.transport.certificate:
        yield "transport.certificate", "mutual_tls needs a certificate of ours"
    yield from _secrets(partner)


def _xroad(partner: Partner) -> Iterator[Fault]:
    try:
        xroad.check(partner)
    except Invalid as error:
        yield "transport.xroad", error.message


def _secrets(partner: Partner) -> Iterator[Fault]:
    named = {
        "credential": partner.credential,
        "transport.authority": partner.transport.authority,
        "transport.certificate": partner.transport.certificate,
        "transport.private_key": partner.transport.private_key,
    }
    for place, name in named.items():
        if (name or place == "credential") and (not _SECRET.fullmatch(name) or len(name) > 100):
            yield place, _NAMES_A_FILE


def _signatures(partner: Partner, signatures: Signatures | None) -> Iterator[Fault]:
    if signatures is None:
        return
    for field in ("certificates", "authorities", "revocations"):
        for number, name in enumerate(getattr(signatures, field)):
            if not _SECRET.fullmatch(name) or len(name) > 100:
                yield f"permission.signatures.{field}[{number}]", _NAMES_A_FILE
    if signatures.authorities and not signatures.holder and not signatures.certificates:
        yield "permission.signatures.holder", "says whose certificate it is: an authority issues to many"
    try:
        holder_of(signatures.holder)
    except Invalid:
        yield "permission.signatures.holder", "is no subject as RFC 4514 writes it, such as CN=…,O=…,C=VN"
    if signatures.required and partner.source:
        yield "permission.signatures.required", "cannot be met by a source: pages that are pulled bear no signatures"


def _bounds(partner: Partner, known: Known) -> Iterator[Fault]:
    permission = partner.permission
    if permission is not None:
        if not permission.decision.strip():
            yield "permission.decision", "names the decision that the permission rests on"
        if known.units and permission.focal_agency not in known.units:
            yield "permission.focal_agency", f"{permission.focal_agency!r} is no unit of the catalogue"
        if permission.valid_to is not None and permission.valid_to <= permission.valid_from:
            yield "permission.valid_to", "is not after valid_from"
        yield from _signatures(partner, permission.signatures)
    limits = partner.limits
    for name in ("calls_per_second", "parallel", "batch", "repeats_per_hour"):
        if getattr(limits, name) < 0:
            yield f"limits.{name}", "is not negative"
    yield from timetable.faults(partner.timetable, limits)
