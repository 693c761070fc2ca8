"""How partners are called. A road leads there (transport), a client speaks one protocol on it and tells outcomes; what
follows is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.integration.clients.protocol import Client
from services.integration.clients.recording import Recorder, about
from services.integration.clients.transport import open_road
from services.integration.domain.partners import Partner
from services.integration.settings import IntegrationSettings
from shared.errors import Internal, Invalid

__all__ = ["Client", "Connect", "Recorder", "about", "open_client"]

Connect = Callable[[Partner, IntegrationSettings, Recorder], Client]


def open_client(partner: Partner, settings: IntegrationSettings, recorder: Recorder) -> Client:
    """Return a client for this partner whose every call `recorder` notes; not shared between green threads.

    Raises Internal("integration.no_secret") if its secret is not there, Invalid("integration.unknown_protocol"), and
    what `open_road` raises.
    """
    token = _secret(settings.secret_file(partner.credential))
    recorder.hide(token)
    if partner.protocol == "rest":
        from services.integration.clients.rest import RestClient

        return RestClient(open_road(partner, settings, recorder), token)
    if partner.protocol == "soap":
        from services.integration.clients.soap import SoapClient

        return SoapClient(open_road(partner, settings, recorder), token)
    raise Invalid("integration.unknown_protocol", f"{partner.id}: {partner.protocol}", "Giao thức không được hỗ trợ.")


def _secret(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Internal("integration.no_secret", f"{file.name}: {error.strerror}") from error
