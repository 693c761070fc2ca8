"""Report data as packet (4) of QCVN 125, posted as XML; questions go as our own REST protocol asks them."""

from __future__ import annotations

from datetime import UTC, datetime

from services.integration import seals
from services.integration.clients.protocol import Listing
from services.integration.clients.rest import RestClient, failed, stated
from services.integration.clients.transport import Lost, Road, Unreached
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.packets import PacketDialect, data_of, header_of, packet_dialect
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Group
from services.integration.settings import IntegrationSettings
from shared.digest import Digest
from shared.errors import Invalid
from shared.packets import signing, xml
from shared.packets.signing import Seal


def packet_client(road: Road, partner: Partner, token: str, settings: IntegrationSettings) -> PacketClient:
    """Return a client for this partner. Raises Invalid("integration.bad_dialect"), and where packets are signed
    NotFound("packets.no_seal"), Internal("packets.unusable_key")."""
    dialect = packet_dialect(partner)
    return PacketClient(road, token, partner.id, dialect, seals.own_seal(settings.secrets) if dialect.signed else None)


class PacketClient:
    """A partner at the end of `road` that knows us by `token`, and us by `seal` where packets are to be signed."""

    def __init__(self, road: Road, token: str, receiver: str, dialect: PacketDialect, seal: Seal | None) -> None:
        self._road = road
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
        self._receiver = receiver
        self._path = dialect.path
        self._seal = seal
        self._asking = RestClient(road, token)
        self.cost = self._asking.cost

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet; one that its schema refuses does not leave."""
        now = datetime.now(UTC).replace(microsecond=0)
        made = xml.Packet(header_of(packet, self._receiver, now), data_of(packet))
        try:
            document = xml.build(made) if self._seal is None else signing.signed(made, self._seal)
        except Invalid as error:
            return Answer(Said.REFUSED, f"no packet can be made of it: {error.message}")
        try:
            reply = self._road.send("POST", self._path, body=document, headers=self._headers)
        except (Unreached, Lost) as error:
            return failed(error)
        return stated(reply, packet.message_id)

    def status(self, packet: Packet) -> Answer:
        """Ask what became of a packet that was sent."""
        return self._asking.status(packet)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""
        return self._asking.digests(level, period, form)

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""
        return self._asking.values(form, unit, period)

    def close(self) -> None:
        """Give connections back."""
        self._asking.close()
