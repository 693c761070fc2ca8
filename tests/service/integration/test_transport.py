"""The roads to a partner on real connections: TLS with a private authority, mutual TLS, X-Road."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree

from services.integration.clients import Client, Recorder, open_client
from services.integration.clients.protocol import Unanswered
from services.integration.clients.transport import open_road
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.partners import Partner, Transport
from services.integration.settings import IntegrationSettings
from shared.canonical import content_hash
from shared.errors import HubError, Internal, Invalid
from shared.xroad import IDENTIFIERS
from simulators import process, security_server
from simulators.security_server import Server

TOKEN = "secret-of-the-test"
US, THEM = "VN/GOV/H35/b%C3%A1o%20c%C3%A1o", "VN/GOV/BKH/baocao"


@dataclass
class Authority:
    """A private certification authority that writes PEM files into a folder."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self.name, self.key, None, 2)
        (self.folder / f"{self.name}.crt").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, days: int = 1) -> None:
        """Write `name.crt` and `name.key` for the loopback address, valid for so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        (self.folder / f"{name}.crt").write_bytes(self._signed(name, key, self.certificate, days).public_bytes(pem))
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))

    def _signed(self, name: str, key: Any, issuer: x509.Certificate | None, days: int) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(issuer is None, None), True)
            .add_extension(x509.SubjectAlternativeName([address]), False)
            .sign(self.key, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A secrets folder with everything that the tests below name."""
    made = tmp_path_factory.mktemp("secrets")
    (made / "partner_p").write_text(TOKEN)
    province, stranger = Authority(made, "province"), Authority(made, "stranger")
    province.issue("server")
    province.issue("expired-server", -1)
    province.issue("hub")
    province.issue("expired-hub", -1)
    stranger.issue("strange-hub")
    (made / "garbage.crt").write_text("no certificate")
    return made


@pytest.fixture(scope="module")
def settings(folder: Path) -> IntegrationSettings:
    return IntegrationSettings(secrets=folder, timeout_seconds=2)


@contextmanager
def served(app: Any, newest_tls: ssl.TLSVersion | None = None, **options: Any) -> Iterator[str]:
    """Serve `app` in a thread and give its address without the scheme."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1, **options)
    config.load()
    if newest_tls is not None and config.ssl is not None:
        config.ssl.maximum_version = newest_tls
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def far_side() -> Any:
    return process.create_app("far side", TOKEN)


def partner(endpoint: str, protocol: str = "rest", **transport: Any) -> Partner:
    return Partner(
        id="p",
        name="P",
        protocol=protocol,
        endpoint=endpoint,
        credential="partner_p",
        forms=("F",),
        transport=Transport(**transport),
    )


def packet(message_id: str) -> Packet:
    values = (("A", "1.5", "official"), ("B", None, "official"))
    return Packet(
        message_id=message_id, sender="lai-chau", form="F", unit="12", period="2016", version=1, values=values
    )


def opened(to: Partner, settings: IntegrationSettings) -> Client:
    return open_client(to, settings, Recorder("p", 0))


def submitted(to: Partner, settings: IntegrationSettings, message_id: str = "m1") -> Answer:
    client = opened(to, settings)
    try:
        return client.submit(packet(message_id))
    finally:
        client.close()


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[Callable[[str], str]]:
    """`secure("server")` is the address of a far side with that certificate that wants one of the province's from its
    callers; `secure("open")` of one that wants none."""
    common = {"ssl_ca_certs": str(folder / "province.crt")}
    with (
        served(far_side(), ssl_certfile=str(folder / "server.crt"), ssl_keyfile=str(folder / "server.key")) as free,
        served(
            far_side(),
            ssl_certfile=str(folder / "server.crt"),
            ssl_keyfile=str(folder / "server.key"),
            ssl_cert_reqs=ssl.CERT_REQUIRED,
            # 1.2 refuses within the handshake, so that a caller always learns of it.
            newest_tls=ssl.TLSVersion.TLSv1_2,
            **common,
        ) as mutual,
        served(
            far_side(),
            ssl_certfile=str(folder / "expired-server.crt"),
            ssl_keyfile=str(folder / "expired-server.key"),
        ) as expired,
    ):
        yield {"open": free, "mutual": mutual, "expired": expired}.__getitem__


@pytest.mark.parametrize("protocol", ["rest", "soap"])
def test_over_tls_and_mutual_tls_a_packet_is_applied(
    secure: Callable[[str], str], settings: IntegrationSettings, protocol: str
) -> None:
    path = "/soap" if protocol == "soap" else ""
    ours = {"certificate": "hub.crt", "private_key": "hub.key"}
    plain_tls = partner(f"https://{secure('open')}{path}", protocol, kind="tls", authority="province.crt")
    mutual = partner(f"https://{secure('mutual')}{path}", protocol, kind="mutual_tls", authority="province.crt", **ours)
    assert submitted(plain_tls, settings, protocol).said is Said.APPLIED
    assert submitted(mutual, settings, protocol).said is Said.APPLIED


@pytest.mark.parametrize(
    ("server", "transport", "why"),
    [
        ("open", {"kind": "tls", "authority": "stranger.crt"}, "CERTIFICATE_VERIFY_FAILED"),
        ("open", {"kind": "tls"}, "CERTIFICATE_VERIFY_FAILED"),
        ("expired", {"kind": "tls", "authority": "province.crt"}, "certificate has expired"),
        ("mutual", {"kind": "tls", "authority": "province.crt"}, ""),
        ("mutual", {"kind": "mutual_tls", "authority": "province.crt", "certificate": "strange-hub.crt",
                    "private_key": "strange-hub.key"}, ""),
        ("mutual", {"kind": "mutual_tls", "authority": "province.crt", "certificate": "expired-hub.crt",
                    "private_key": "expired-hub.key"}, ""),
    ],
)  # fmt: skip
def test_where_either_side_distrusts_the_other_nothing_is_applied_and_that_is_certain(
    secure: Callable[[str], str], settings: IntegrationSettings, server: str, transport: dict[str, str], why: str
) -> None:
    answer = submitted(partner(f"https://{secure(server)}", **transport), settings)
    assert answer.said is Said.NOT_APPLIED
    assert why in (answer.error or "")
    assert not answer.quick or server == "mutual"


@contextmanager
def silent(folder: Path, newest: ssl.TLSVersion) -> Iterator[str]:
    """A server that completes the handshake, takes the request and closes without a word, as some do that miss a
    certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    context.maximum_version = newest

    def serve() -> None:
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True) as secured:
            while b"]}" not in secured.recv(65_536):
                pass
            secured.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(("newest", "told"), [(ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, False)])
def test_a_close_after_the_handshake_is_no_proof_and_the_story_says_what_it_may_be(
    folder: Path, settings: IntegrationSettings, newest: ssl.TLSVersion, told: bool
) -> None:
    with silent(folder, newest) as address:
        answer = submitted(partner(f"https://{address}", kind="tls", authority="province.crt"), settings)
    assert answer.said is Said.UNCLEAR
    assert ("certificate" in (answer.error or "")) is told


def test_the_name_of_a_partner_is_checked(secure: Callable[[str], str], settings: IntegrationSettings) -> None:
    port = secure("open").rpartition(":")[2]
    answer = submitted(partner(f"https://localhost:{port}", kind="tls", authority="province.crt"), settings)
    assert answer.said is Said.NOT_APPLIED
    assert "localhost" in (answer.error or "")


def test_an_older_tls_is_not_spoken(folder: Path, settings: IntegrationSettings) -> None:
    from services.integration.clients.transport import tls_context

    context = tls_context(Transport(kind="tls", authority="province.crt"), settings)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("endpoint", "transport", "error", "code"),
    [
        ("http://9.9.9.9", {}, Invalid, "integration.plain_refused"),
        ("http://127.0.0.1", {"kind": "tls"}, Invalid, "integration.address_not_tls"),
        ("https://127.0.0.1", {"kind": "pigeon"}, Invalid, "integration.unknown_transport"),
        ("https://127.0.0.1", {"kind": "mutual_tls"}, Internal, "integration.no_secret"),
        ("https://127.0.0.1", {"kind": "tls", "authority": "nowhere.crt"}, Internal, "integration.no_secret"),
        ("https://127.0.0.1", {"kind": "tls", "authority": "garbage.crt"}, Internal, "integration.bad_certificate"),
        ("http://127.0.0.1", {"kind": "xroad"}, Invalid, "integration.bad_xroad_terms"),
        ("http://127.0.0.1", {"kind": "xroad", "xroad": {"client": "VN/GOV", "service": f"{THEM}/r"}}, Invalid,
         "xroad.bad_identifier"),
    ],
)  # fmt: skip
def test_a_road_that_may_not_be_taken_is_not_opened(
    settings: IntegrationSettings, endpoint: str, transport: dict[str, Any], error: type[HubError], code: str
) -> None:
    with pytest.raises(error) as raised:
        open_road(partner(endpoint, **transport), settings, Recorder("p", 0))
    assert raised.value.code == code


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://10.1.2.3", "http://[::1]", "http://localhost"])
def test_without_tls_the_own_networks_are_reached(settings: IntegrationSettings, address: str) -> None:
    open_road(partner(address), settings, Recorder("p", 0)).close()


def test_a_setting_lets_plain_addresses_be_called_anywhere(settings: IntegrationSettings) -> None:
    open_road(partner("http://9.9.9.9"), replace(settings, plain_anywhere=True), Recorder("p", 0)).close()


# -- X-Road ------------------------------------------------------------------------------------------


@dataclass
class Platform:
    """A stand-in X-Road in front of a far side."""

    server: Server
    address: str
    far: httpx.Client

    def partner(self, protocol: str, **terms: str) -> Partner:
        service = THEM if protocol == "soap" else f"{THEM}/reporting"
        given = {"client": US, "service": service, "user": "VN012345678901", "issue": "CV 12/2026"} | terms
        return partner(f"http://{self.address}", protocol, kind="xroad", xroad=given)


@pytest.fixture(scope="module")
def _platform() -> Iterator[Platform]:
    with served(far_side()) as far:
        server = Server(
            services={THEM: f"http://{far}/soap", f"{THEM}/reporting": f"http://{far}"},
            clients=(US, "VN/GOV/H35/báo cáo"),
        )
        with served(security_server.create_app(server)) as address, httpx.Client(base_url=f"http://{far}") as control:
            yield Platform(server, address, control)


@pytest.fixture
def platform(_platform: Platform) -> Platform:
    _platform.far.delete("/control/store")
    server = _platform.server
    server.fail = server.fail_after = None
    server.forget_header = False
    server.passed.clear()
    return _platform


PROTOCOLS = pytest.mark.parametrize("protocol", ["rest", "soap"])


@PROTOCOLS
def test_over_xroad_a_packet_is_applied_and_the_store_can_be_read(
    platform: Platform, settings: IntegrationSettings, protocol: str
) -> None:
    client = opened(platform.partner(protocol), settings)
    assert client.submit(packet("m1")).said is Said.APPLIED
    assert client.status(packet("m1")).said is Said.APPLIED
    assert client.status(packet("m2")).said is Said.UNKNOWN
    [digest] = client.digests("root").values()
    assert digest.count == 2
    assert set(client.values("F", "12", "2016").values) == {"A", "B"}
    client.close()


def test_a_soap_request_carries_the_header_fields_of_message_protocol_4(
    platform: Platform, settings: IntegrationSettings
) -> None:
    submitted(platform.partner("soap", version="v1", represented_party="COM/12345"), settings)
    [passed] = platform.server.passed
    assert passed["names"] == ["client", "service", "id", "userId", "issue", "protocolVersion"]
    header = etree.fromstring(passed["body"]).find("{*}Header")
    assert header is not None
    found = {
        etree.QName(item).localname: [(etree.QName(part).localname, part.text) for part in item] or item.text
        for item in header
    }
    member = [("xRoadInstance", "VN"), ("memberClass", "GOV")]
    assert found["client"] == [*member, ("memberCode", "H35"), ("subsystemCode", "báo cáo")]
    assert found["service"] == [
        *member,
        ("memberCode", "BKH"),
        ("subsystemCode", "baocao"),
        ("serviceCode", "SubmitReportData"),
        ("serviceVersion", "v1"),
    ]
    assert found["representedParty"] == [("partyClass", "COM"), ("partyCode", "12345")]
    assert (found["userId"], found["issue"], found["protocolVersion"]) == ("VN012345678901", "CV 12/2026", "4.0")
    kinds = {etree.QName(item).localname: item.get(f"{{{IDENTIFIERS}}}objectType") for item in header}
    assert (kinds["client"], kinds["service"]) == ("SUBSYSTEM", "SERVICE")


def test_a_rest_request_carries_the_headers_of_r1(platform: Platform, settings: IntegrationSettings) -> None:
    submitted(platform.partner("rest", represented_party="COM/12345"), settings)
    [passed] = platform.server.passed
    assert passed["path"] == "/api/v1/packets"
    headers = passed["headers"]
    assert headers["x-road-client"] == US
    assert headers["x-road-userid"] == "VN012345678901"
    assert headers["x-road-issue"] == "CV 12/2026"
    assert headers["x-road-represented-party"] == "COM/12345"
    assert len(headers["x-road-id"]) == 36


@PROTOCOLS
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Client.InvalidRequest", Said.NOT_APPLIED),
        ("Server.ServerProxy.AccessDenied", Said.NOT_APPLIED),
        ("Server.ServerProxy.ServiceFailed.HttpError", Said.UNCLEAR),
        ("Server.ClientProxy.NetworkError", Said.UNCLEAR),
    ],
)
def test_an_error_of_the_platform_is_no_word_of_the_partner(
    platform: Platform, settings: IntegrationSettings, protocol: str, code: str, said: Said
) -> None:
    platform.server.fail = code
    answer = submitted(platform.partner(protocol), settings)
    assert answer.said is said
    assert code in (answer.error or "")
    client = opened(platform.partner(protocol), settings)
    with pytest.raises(Unanswered, match=code):
        client.digests("root")
    client.close()


@PROTOCOLS
def test_an_answer_lost_on_the_way_back_is_asked_about(
    platform: Platform, settings: IntegrationSettings, protocol: str
) -> None:
    platform.server.fail_after = "Server.ClientProxy.LoggingFailed.InternalError"
    assert submitted(platform.partner(protocol), settings).said is Said.UNCLEAR
    platform.server.fail_after = None
    client = opened(platform.partner(protocol), settings)
    assert client.status(packet("m1")).said is Said.APPLIED
    client.close()


@PROTOCOLS
def test_an_answer_that_does_not_name_our_request_is_not_believed(
    platform: Platform, settings: IntegrationSettings, protocol: str
) -> None:
    platform.server.forget_header = True
    assert submitted(platform.partner(protocol), settings).said is Said.UNCLEAR


@PROTOCOLS
def test_the_partners_own_refusal_passes_through(
    platform: Platform, settings: IntegrationSettings, protocol: str
) -> None:
    platform.far.post("/control/faults", json=[{"kind": "refuse"}])
    assert submitted(platform.partner(protocol), settings).said is Said.REFUSED


def test_the_content_hash_of_a_packet_is_what_the_far_side_computes() -> None:
    told = packet("m1")
    assert told.content_hash == content_hash(("F", "12", "2016", "1"), told.values)
