"""Sealing packets of QCVN 125 that leave by the gateway, and verifying those that come in by it."""

from __future__ import annotations

from services.integration import seals
from services.integration.settings import integration_settings
from shared.contracts.actor import Actor
from shared.entrypoints import rpc
from shared.packets import signing

_READS = ("catalogue.read", "observations.read", "submissions.read")


class PacketCalls:
    """Signatures: the gateway itself holds no key."""

    @rpc
    def sign_packet(self, actor: Actor, document: str) -> str:
        """Return this packet, which the gateway made of what a service answered, signed by the hub (XAdES, enveloped).

        Raises NotFound("packets.no_seal"), Invalid for what is no valid packet. Needs any of the rights to read.
        """
        if not any(actor.may(right) for right in _READS):
            actor.require(_READS[0])
        return signing.sign(document.encode(), seals.own_seal(integration_settings().secrets)).decode()

    @rpc
    def verify_packet(self, actor: Actor, document: str) -> str:
        """Return what the actor's system signed of this packet, without the signature: nothing else may be read.

        Raises Invalid("packets.no_certificate", "packets.bad_signature", "packets.unsigned", "packets.unreadable").
        """
        actor.require("data.push")
        certificates = seals.pinned(integration_settings().secrets, actor.partner or actor.id)
        return signing.verified(document.encode(), certificates).decode()
