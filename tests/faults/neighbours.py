"""Partners of every other kind, added to a running hub by data alone: two that were written without knowledge of the
hub (REST by a described dialect, SOAP by its WSDL), one that takes signed packets, two behind an X-Road security
server. The hub is given their documents, their secrets and a WSDL, and no code.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

import catalogue
from hub.settings import HubSettings
from services.integration import fetching
from services.integration.seals import CERTIFICATE_FILE
from simulators import security_server
from simulators.process import create_app
from simulators.security_server import Server
from tests.faults.compare import PROVINCE_AT_PARTNER, Applied, FarStore, Held, Simulator
from tests.foreign import Foreign, npm_is_here, rest_server, soap_server

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
US, THEM, OTHERS = "VN/GOV/H35/baocao", "VN/GOV/BKH/baocao", "VN/GOV/BYT/baocao"
REST, SOAP, PACKETS, ROAD_SOAP, ROAD_REST = "so-giao-duc", "so-y-te", "goi-tin", "truc-soap", "truc-rest"
FORMS = {
    REST: ["GD-NAM"],
    SOAP: ["YT-NAM"],
    PACKETS: ["GD-NAM", "NN-NAM"],
    ROAD_SOAP: ["YT-NAM", "NN-NAM"],
    ROAD_REST: ["GD-NAM", "NN-NAM"],
}
_PROCESSING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Stranger:
    """The store of a partner that was written without knowledge of the hub, read by its own test route."""

    foreign: Foreign
    codes: Mapping[str, str]
    """The hub's indicators by the partner's."""

    def held(self) -> Held:
        """Return what it holds for the province, in the hub's words."""
        told = self.foreign.told()
        if "held" in told:
            return {
                ("GD-NAM", period.removeprefix("NAM-")): {
                    self.codes[name]: value.replace(",", ".") for name, (value, _) in rows.items()
                }
                for _, period, unit, rows in told["held"]
                if unit == PROVINCE_AT_PARTNER
            }
        return {
            ("YT-NAM", str(item["key"]["Ky"]["Nam"])): {self.codes[row["name"]]: row["value"] for row in item["rows"]}
            for item in told["store"]
            if item["key"]["CoSo"] == PROVINCE_AT_PARTNER
        }

    def applied(self) -> list[Applied]:
        """Return the messages that it applied."""
        return [Applied(message, None) for message in self.foreign.told()["keys"]]


@dataclass
class Neighbours:
    """What runs: stores by partner, addresses of those that are simulators, the strangers, the security server."""

    stores: dict[str, FarStore]
    addresses: dict[str, str]
    strangers: dict[str, Foreign]
    platform: Server
    documents: dict[str, dict[str, Any]]


@contextmanager
def neighbours(settings: HubSettings, put: Callable[[str, dict[str, Any]], None]) -> Iterator[Neighbours]:
    """Start them and have the hub `put` each."""
    with ExitStack() as running:
        made = _simulated(settings, running)
        _add_strangers(settings, running, made)
        for partner, document in made.documents.items():
            put(partner, document)
        yield made


def _simulated(settings: HubSettings, running: ExitStack) -> Neighbours:
    certificate = (settings.secrets / CERTIFICATE_FILE).read_bytes()
    apps = {
        name: create_app(name, _secret(settings, name), certificate if name == PACKETS else None)
        for name in (PACKETS, ROAD_SOAP, ROAD_REST)
    }
    addresses = {name: running.enter_context(_served(app)) for name, app in apps.items()}
    platform = Server(
        services={THEM: f"{addresses[ROAD_SOAP]}/soap", f"{OTHERS}/reporting": addresses[ROAD_REST]}, clients=(US,)
    )
    road = running.enter_context(_served(security_server.create_app(platform)))
    documents = {
        PACKETS: _document(PACKETS, addresses[PACKETS], dialect={"packets": {"signed": True}}),
        ROAD_SOAP: _document(ROAD_SOAP, road, protocol="soap", transport=_xroad(THEM)),
        ROAD_REST: _document(ROAD_REST, road, transport=_xroad(f"{OTHERS}/reporting")),
    }
    stores: dict[str, FarStore] = {name: Simulator(address) for name, address in addresses.items()}
    return Neighbours(stores, addresses, {}, platform, documents)


def _add_strangers(settings: HubSettings, running: ExitStack, made: Neighbours) -> None:
    """Add those that tests/foreign has; without npm, only the REST one."""
    indicators = {item["id"]: item["indicators"] for item in catalogue.read()["forms"]}
    kinds = {REST: (rest_server, "partner-rest.json", "GD.{:02}")}
    if npm_is_here():
        kinds[SOAP] = (soap_server, "partner-soap.json", "YT{:02}")
    for name, (server, file, code) in kinds.items():
        foreign: Foreign = running.enter_context(server(_secret(settings, name)))
        theirs = {ours: code.format(number) for number, ours in enumerate(indicators[FORMS[name][0]], 1)}
        document = json.loads((EXAMPLES / file).read_text())
        document["endpoint"] = f"{foreign.address}/{document['endpoint'].partition('//')[2].partition('/')[2]}"
        document["mapping"]["indicators"] = theirs
        document["max_processing_seconds"] = _PROCESSING_SECONDS
        document["dialect"]["list"]["pages"]["limit"] = 50
        if name == SOAP:
            contracts = settings.var / "contracts"
            fetching.fetch(f"{document['endpoint']}?wsdl", "so-y-te.wsdl", contracts, fetching.over_http())
        made.documents[name] = document
        made.strangers[name] = foreign
        made.stores[name] = Stranger(foreign, {value: key for key, value in theirs.items()})


def _document(name: str, endpoint: str, protocol: str = "rest", **other: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": f"{name} (mô phỏng)",
        "protocol": protocol,
        "endpoint": endpoint,
        "credential": f"partner_{name}",
        "permission": {"decision": "(mô phỏng)", "focal_agency": "LC-VP", "valid_from": "2024-01-01"},
        "max_processing_seconds": _PROCESSING_SECONDS,
        "forms": FORMS[name],
        "mapping": {"unit_scheme": "gso"},
        **other,
    }


def _xroad(service: str) -> dict[str, Any]:
    return {"kind": "xroad", "xroad": {"client": US, "service": service}}


def _secret(settings: HubSettings, name: str) -> str:
    made = secrets.token_hex(16)
    (settings.secrets / f"partner_{name}").write_text(made)
    return made


@contextmanager
def _served(app: Any) -> Iterator[str]:
    """Serve `app` in a thread; yield its address."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
