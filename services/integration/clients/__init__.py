"""How partners are called. A road leads there (transport), a client speaks one protocol on it and tells outcomes; what
follows is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.integration.clients.protocol import Client
from services.integration.clients.recording import Recorder, about
from services.integration.clients.transport import Road, open_road
from services.integration.domain.partners import Partner
from services.integration.settings import IntegrationSettings
from shared.errors import Internal, Invalid

__all__ = ["Client", "Connect", "Recorder", "about", "client_on", "open_client", "read_secret"]

Connect = Callable[[Partner, IntegrationSettings, Recorder], Client]


def open_client(partner: Partner, settings: IntegrationSettings, recorder: Recorder) -> Client:
    """Return a client for this partner whose every call `recorder` notes; not shared between green threads.

    Raises Internal("integration.no_secret") if its secret is not there, and what `open_road` and `client_on` raise.
    """
    token = _secret(settings.secret_file(partner.credential))
    recorder.hide(token)
    return client_on(open_road(partner, settings, recorder), partner, token, settings)


def client_on(road: Road, partner: Partner, secret: str, settings: IntegrationSettings) -> Client:
    """Return a client that speaks this partner's protocol on a road, where it knows us by `secret`.

    Raises Invalid("integration.unknown_protocol"), for a dialect "integration.bad_dialect" and
    "integration.bad_contract", and what `packet_client` raises.
    """
    if partner.protocol not in ("rest", "soap"):
        raise Invalid(
            "integration.unknown_protocol", f"{partner.id}: {partner.protocol}", "Giao thức không được hỗ trợ."
        )
    if "packets" in partner.dialect:
        from services.integration.clients.packet_rest import packet_client

        return packet_client(road, partner, secret, settings)
    if partner.dialect:
        from services.integration.clients.mapped import mapped_client

        return mapped_client(road, partner, secret, settings)
    if partner.protocol == "rest":
        from services.integration.clients.rest import RestClient

        return RestClient(road, secret)
    from services.integration.clients.soap import SoapClient

    return SoapClient(road, secret)


def read_secret(settings: IntegrationSettings, partner: Partner) -> str:
    """Return the secret by which this partner knows us. Raises Internal("integration.no_secret")."""
    return _secret(settings.secret_file(partner.credential))


def _secret(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Internal("integration.no_secret", f"{file.name}: {error.strerror}") from error
