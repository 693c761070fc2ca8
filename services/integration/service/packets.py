"""Sealing packets of QCVN 125 that leave by the gateway, and verifying those that come in by it."""

from __future__ import annotations

from services.integration.settings import integration_settings
from services.integration.storage import partners as partner_rows
from shared.contracts.actor import Actor
from shared.entrypoints import rpc
from shared.storage import UnitOfWork

_READS = ("catalogue.read", "observations.read", "submissions.read")


class PacketCalls:
    """Signatures: the gateway itself holds no key."""

    unit: UnitOfWork

    @rpc
    def sign_packet(self, actor: Actor, document: str) -> str:
        """Return this packet, which the gateway made of what a service answered, signed by the hub (XAdES, enveloped).

        Raises NotFound("packets.no_seal"), Invalid for what is no valid packet. Needs any of the rights to read.
        """
        if not any(actor.may(right) for right in _READS):
            actor.require(_READS[0])
        from services.integration import seals  # signxml and lxml are for those who sign
        from shared.packets import signing

        return signing.sign(document.encode(), seals.own_seal(integration_settings().secrets)).decode()

    @rpc
    def verify_packet(self, actor: Actor, document: str) -> str:
        """Return what the actor's system signed of this packet, without the signature: nothing else may be read. Whose
        signature counts is said by its partner's permission, else a certificate is pinned under its name.

        Raises Invalid("packets.no_certificate"), Internal("packets.unusable_certificate"), and what `signing.verified`
        does.
        """
        actor.require("data.push")
        from services.integration import seals  # as above
        from shared.packets import signing

        sender = actor.partner or actor.id
        with self.unit(actor) as unit:
            partner = partner_rows.find(unit.connection, sender)
        permission = None if partner is None else partner.permission
        signatures = None if permission is None else permission.signatures
        trust = seals.trust_of(integration_settings().secrets, sender, signatures)
        return signing.verified(document.encode(), trust).decode()
