"""What a partner's record says about X-Road: how it is called over it, and who of it may call the hub. Pure.

`transport.xroad`, identifiers as `INSTANCE/CLASS/CODE/SUBSYSTEM` with percent-encoded parts:

- `client`: who we are there. Required where `transport.kind` is `xroad`.
- `service`: what is called. REST: `…/SUBSYSTEM/SERVICE`, the service's code mapped to the partner's base address by its
  security server. SOAP: the provider `…/SUBSYSTEM`; the service's code is the name of each call's wrapper element.
- `version` (SOAP), `user` (with a two-letter country code before it), `issue`, `represented_party` (`CLASS/CODE` or
  `CODE`), `security_server` (REST): optional texts.
- `callers`: by identifier of an X-Road client, the client of the hub that it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.integration.domain.partners import Partner
from shared.errors import Invalid
from shared.xroad import Member, Service

_TEXTS = frozenset({"client", "service", "version", "user", "issue", "represented_party", "security_server"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a partner's record says about the way over X-Road."""

    client: Member
    provider: Member
    service: Service | None
    version: str | None
    optional: Mapping[str, str]

    @classmethod
    def read(cls, partner: Partner) -> Terms:
        """Return what this partner's transport says. Raises Invalid("integration.bad_xroad_terms"),
        Invalid("xroad.bad_identifier")."""
        given = partner.transport.xroad
        texts = {name: value for name, value in given.items() if name != "callers"}
        if set(texts) - _TEXTS or not all(isinstance(value, str) and value for value in texts.values()):
            raise _bad_terms(partner, f"takes texts named {', '.join(sorted(_TEXTS))}")
        if "client" not in texts or "service" not in texts:
            raise _bad_terms(partner, "needs client and service")
        service = Service.read(texts["service"]) if partner.protocol != "soap" else None
        return cls(
            client=Member.read(texts["client"]),
            provider=service.provider if service is not None else Member.read(texts["service"]),
            service=service,
            version=texts.get("version"),
            optional={name: texts[name] for name in set(texts) - {"client", "service", "version"}},
        )

    @property
    def party(self) -> tuple[str | None, str] | None:
        """Class and code of the represented party."""
        text = self.optional.get("represented_party")
        if text is None:
            return None
        of, separator, code = text.rpartition("/")
        return (of if separator else None), code


def _bad_terms(partner: Partner, why: str) -> Invalid:
    return Invalid(
        "integration.bad_xroad_terms", f"{partner.id}: transport.xroad {why}", "Khai báo kết nối X-Road chưa đúng."
    )


def check(partner: Partner) -> None:
    """Raise Invalid("integration.bad_xroad_terms") or Invalid("xroad.bad_identifier") unless what this partner's record
    says about X-Road can be followed."""
    if partner.transport.kind == "xroad" and partner.protocol != "push":
        Terms.read(partner)
    callers = partner.transport.xroad.get("callers", {})
    if not isinstance(callers, Mapping):
        raise _bad_terms(partner, "callers: names of clients by identifier")
    for identifier, name in callers.items():
        Member.read(str(identifier))
        if not isinstance(name, str) or not name:
            raise _bad_terms(partner, f"callers: {identifier} names no client")


def stood_for(terms: Mapping[str, Any], client: Member) -> str | None:
    """Return the client of the hub that `terms["callers"]` names for this X-Road client, None for none. Keys are
    identifiers with percent-encoded parts; one that cannot be read stands for nobody."""
    callers = terms.get("callers")
    for identifier, name in callers.items() if isinstance(callers, Mapping) else ():
        try:
            if isinstance(name, str) and Member.read(str(identifier)) == client:
                return name
        except Invalid:
            continue
    return None
