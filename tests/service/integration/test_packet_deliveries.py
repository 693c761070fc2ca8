"""Deliveries as signed packets (4), to a far side that knows schema and certificate and none of the hub's code."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine, text

from services.integration import bootstrap, seals
from services.integration.clients import Recorder, open_client
from services.integration.clients.packet_rest import packet_client
from services.integration.domain.delivery import Said
from services.integration.domain.ledger import Packet
from services.integration.domain.packets import data_of, header_of
from services.integration.domain.partners import Partner, Signatures
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.errors import Internal, Invalid, NotFound
from shared.packets import signing, xml
from shared.storage import UnitOfWork
from simulators.process import create_app
from tests.service.integration.conftest import ACTOR, TOKEN, Record, Work, partners, recorded, states, store
from tests.unit.shared.packets.test_trust import OFFICE, ROOT, SENDER, revocations

SIGNED = {"packets": {"signed": True}}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of secrets with a seal of the hub's own, which stays when it is asked for again."""
    folder = tmp_path_factory.mktemp("secrets")
    assert seals.ensure_seal(folder)
    assert not seals.ensure_seal(folder)
    (folder / "partner_bo-nganh").write_text(TOKEN)
    return folder


@pytest.fixture(scope="module")
def far(secrets: Path) -> Iterator[httpx.Client]:
    """A far side that takes no packet unless the hub has signed it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app("far side", TOKEN, (secrets / seals.CERTIFICATE_FILE).read_bytes())
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        yield client
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def settings(secrets: Path) -> IntegrationSettings:
    return IntegrationSettings(secrets=secrets, timeout_seconds=2, backoff_seconds=0.01, max_attempts=5)


@pytest.fixture
def partner(far: httpx.Client) -> Partner:
    far.delete("/control/store")
    [plain] = [item for item in partners(str(far.base_url).rstrip("/")) if item.id == "bo-nganh"]
    return replace(plain, dialect=SIGNED)


def a_packet(**changes: object) -> Packet:
    values = (("GD01", "3507.6", "official"), ("GD02", None, "estimate"))
    place: dict[str, object] = {"form": "GD-NAM", "unit": "12", "period": "2016"}
    return Packet(message_id="m-1", sender="lai-chau", version=1, values=values, **(place | changes))  # type: ignore[arg-type]


def test_a_partner_by_data_alone_gets_signed_packets_and_is_compared_with_as_ever(
    partner: Partner,
    far: httpx.Client,
    unit: UnitOfWork,
    record: Record,
    work: Work,
    engine: Engine,
    settings: IntegrationSettings,
) -> None:
    bootstrap.load(unit, [partner])
    record(recorded("GD-NAM", 1, GD01="3507.6", GD02=None))
    work("bo-nganh")
    assert states(engine, "bo-nganh") == ["acknowledged"]
    assert store(far) == {("GD-NAM", "2016"): {"GD01": "3507.6", "GD02": None}}
    with engine.connect() as connection:
        expected = connection.execute(text("SELECT expected_count FROM holdings WHERE partner = 'bo-nganh'")).scalar()
    client = open_client(partner, settings, Recorder("bo-nganh", 1000))
    assert sum(digest.count for digest in client.digests("root").values()) == expected == 2
    client.close()


def test_the_far_side_takes_nothing_unsigned_changed_or_signed_by_another(
    partner: Partner, far: httpx.Client, settings: IntegrationSettings, tmp_path: Path
) -> None:
    seals.ensure_seal(tmp_path)
    packet = a_packet()
    made = xml.Packet(header_of(packet, "bo-nganh", datetime.now(UTC)), data_of(packet))
    own, other = seals.own_seal(settings.secrets), seals.own_seal(tmp_path)
    good = signing.signed(made, own)
    bad = [xml.build(made), good.replace(b"3507.6", b"9999.9"), signing.signed(made, other)]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answers = [far.post("/packets", content=raw, headers=headers) for raw in (*bad, good)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 200]
    assert {answer.json()["code"] for answer in answers[:3]} == {"packet.bad_signature"}
    assert far.post("/packets", content=good).status_code == 401


def test_what_no_packet_can_be_made_of_is_refused_before_it_leaves(
    partner: Partner, far: httpx.Client, settings: IntegrationSettings
) -> None:
    client = open_client(partner, settings, Recorder("bo-nganh", 1000))
    answer = client.submit(a_packet(period="T1/2016"))
    assert answer.said is Said.REFUSED and "ReportData/period" in (answer.error or "")
    assert far.get("/control/journal").json() == []
    client.close()


@pytest.mark.parametrize("dialect", [{"packets": {"sealed": True}}, {"packets": {}, "rest": {}}, {"packets": 1}])
def test_a_description_that_is_none_is_told(
    dialect: dict[str, object], partner: Partner, settings: IntegrationSettings
) -> None:
    with pytest.raises(Invalid, match=r"integration\.bad_dialect"):
        open_client(replace(partner, dialect=dialect), settings, Recorder("bo-nganh", 1000))


def test_without_a_seal_nothing_is_signed(partner: Partner, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"packets\.no_seal"):
        packet_client(None, partner, TOKEN, IntegrationSettings(secrets=tmp_path))  # type: ignore[arg-type]


def test_a_senders_certificate_is_pinned_by_its_name_and_nothing_else(secrets: Path) -> None:
    (secrets / "packet_certificate_nguon-giao-duc").write_bytes((secrets / seals.CERTIFICATE_FILE).read_bytes() * 2)
    assert len(seals.trust_of(secrets, "nguon-giao-duc", None).pinned) == 2
    assert len(seals.trust_of(secrets, "nguon-giao-duc", Signatures(required=True)).pinned) == 2
    for name in ("nobody", "../packet_signing_certificate", ""):
        with pytest.raises(Invalid, match=r"packets\.no_certificate"):
            seals.trust_of(secrets, name, None)


def test_whose_signature_a_partners_permission_names_is_taken_and_no_other(
    secrets: Path, service: IntegrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = IntegrationSettings(secrets=secrets)
    for module in ("packets", "administration"):
        monkeypatch.setattr(f"services.integration.service.{module}.integration_settings", lambda: settings)
    for name, holding in (("goc", ROOT), ("co-quan", OFFICE)):
        (secrets / f"{name}.pem").write_bytes(holding.certificate.public_bytes(Encoding.PEM))
        (secrets / f"{name}.crl").write_bytes(revocations(holding).public_bytes(Encoding.PEM))
    named = {
        "required": True,
        "authorities": ["goc.pem"],
        "holder": SENDER.certificate.subject.rfc4514_string(),
        "revocations": ["goc.crl", "co-quan.crl"],
    }
    permission = {"decision": "QĐ thử", "focal_agency": "LC", "valid_from": "2024-01-01", "signatures": named}
    document = {"id": "nguon-thu", "name": "Nguồn thử", "protocol": "push", "permission": permission}
    service.put_partner(ACTOR, "nguon-thu", document)
    assert [item.signs for item in service.partner_permits() if item.partner == "nguon-thu"] == [True]
    [step] = [step for step in service.check_partner(ACTOR, "nguon-thu").steps if step.step == "signatures"]
    assert step.passed and "signatures are demanded; CN=Chứng thực gốc until" in step.told

    sender = replace(ACTOR, id="client:nguon-thu", partner="nguon-thu")
    packet = a_packet()
    made = xml.Packet(header_of(packet, "lai-chau", datetime.now(UTC)), data_of(packet))
    good = signing.signed(made, replace(SENDER.seal, chain=(OFFICE.certificate,))).decode()
    assert xml.read(service.verify_packet(sender, good).encode()) == made
    other = signing.signed(made, seals.own_seal(secrets)).decode()
    with pytest.raises(Invalid, match=r"untrusted_signer: line \d+, ReportData/Signature: signed by CN=lai-chau"):
        service.verify_packet(sender, other)
    with pytest.raises(Invalid, match="ReportData bears no signature"):
        service.verify_packet(sender, xml.build(made).decode())
    (secrets / "co-quan.crl").write_bytes(revocations(OFFICE, SENDER).public_bytes(Encoding.DER))
    with pytest.raises(Invalid, match=r"packets\.signer_revoked"):
        service.verify_packet(sender, good)
    (secrets / "co-quan.crl").unlink()
    with pytest.raises(Internal, match=r"unusable_certificate: co-quan\.crl"):
        service.verify_packet(sender, good)
    assert [step.passed for step in service.check_partner(ACTOR, "nguon-thu").steps][-1] is False


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ({"authorities": ["goc.pem"]}, "permission.signatures.holder"),
        ({"authorities": ["goc.pem"], "holder": "không phải"}, "permission.signatures.holder"),
        ({"certificates": ["../goc.pem"]}, "permission.signatures.certificates[0]"),
        ({"revocations": ["a/b"]}, "permission.signatures.revocations[0]"),
    ],
)
def test_what_is_wrong_with_demanded_signatures_is_told_with_its_place(
    named: dict[str, object], place: str, service: IntegrationService
) -> None:
    permission = {"decision": "QĐ thử", "focal_agency": "LC", "valid_from": "2024-01-01", "signatures": named}
    with pytest.raises(Invalid) as refused:
        service.put_partner(ACTOR, "x", {"id": "x", "name": "X", "protocol": "push", "permission": permission})
    assert refused.value.context["errors"][0]["place"] == place  # type: ignore[index]
