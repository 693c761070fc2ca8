"""WSDL files and SOAP answers are read warily."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.integration.clients.mapped_soap import SoapSpeaker
from services.integration.clients.transport import Reply
from services.integration.domain.dialects import Heard, Unsayable, dialect_of
from services.integration.domain.dialects.pointers import MISSING
from services.integration.fetching import fetch
from services.integration.settings import IntegrationSettings
from shared.errors import Invalid

ROOT = Path(__file__).parents[3]
WSDL = (ROOT / "tests" / "foreign" / "soap" / "tiep-nhan.wsdl").read_bytes()
DIALECT = json.loads((ROOT / "docs" / "examples" / "partner-soap.json").read_text())["dialect"]
SCHEMA = b'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"/>'
IMPORT = b'<xsd:import namespace="http://soyte.example/du-lieu/v2"/>'
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NEWER = "http://www.w3.org/2003/05/soap-envelope"


def importing(place: str) -> bytes:
    return WSDL.replace(IMPORT, IMPORT + f'<xsd:import namespace="urn:x" schemaLocation="{place}"/>'.encode())


def site(**documents: bytes) -> Callable[[str], bytes]:
    return lambda address: documents[address.rpartition("/")[2].partition("?")[0]]


def test_a_contract_comes_with_what_it_imports_under_names_of_our_own(tmp_path: Path) -> None:
    load = site(cong=importing("../schemas/x.xsd?v=2"), **{"x.xsd": SCHEMA})
    files = fetch("https://partner.example/services/cong?wsdl", "y-te.wsdl", tmp_path, load)
    assert [file.name for file in files] == ["y-te.wsdl", "y-te-1.xsd"]
    assert b'schemaLocation="y-te-1.xsd"' in files[0].read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["y-te-1.xsd", "y-te.wsdl"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (importing("http://elsewhere.example/x.xsd"), "from another host"),
        (b"<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + WSDL.partition(b"?>")[2], "document type"),
        (b"<html/>", "no service with a SOAP port"),
        (b"not XML", "Start tag expected"),
    ],
)
def test_what_is_no_whole_contract_of_one_host_is_not_kept(document: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=told):
        fetch("https://partner.example/cong", "y-te.wsdl", tmp_path, site(cong=document))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["../outside.xsd", "/etc/hostname", "http://127.0.0.1:9/x.xsd"])
def test_a_contract_reaches_nothing_outside_its_folder(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (tmp_path / "outside.xsd").write_bytes(SCHEMA)
    (folder / "so-y-te.wsdl").write_bytes(importing(place))
    with pytest.raises(Invalid, match="bad_contract"):
        speaker(folder)


def test_an_operation_that_the_contract_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "so-y-te.wsdl").write_bytes(WSDL.replace(b'operation name="TraCuuTin"', b'operation name="TraCuu"'))
    with pytest.raises(
        Invalid, match=r"no operation for status \(TraCuuTin\); it has LietKe, NopSoLieu, ThayDoi, TraCuu, Xoa"
    ):
        speaker(tmp_path)


class Answering:
    """A road at whose end the same answer waits."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.reply = Reply(status, {}, body)

    def send(self, method: str, path: str = "", **_: Any) -> Reply:
        return self.reply

    def close(self) -> None:
        pass


def speaker(folder: Path, body: bytes = b"", status: int = 200) -> SoapSpeaker:
    options = IntegrationSettings(secrets=folder, contracts=folder)
    return SoapSpeaker(dialect_of("soap", DIALECT).manner, Answering(body, status), "secret", options)


@pytest.fixture
def heard(tmp_path: Path) -> Callable[..., Heard]:
    (tmp_path / "so-y-te.wsdl").write_bytes(WSDL)

    def ask(body: str, status: int = 200, envelope: str = ENVELOPE) -> Heard:
        whole = f'<e:Envelope xmlns:e="{envelope}"><e:Body>{body}</e:Body></e:Envelope>' if envelope else body
        dialect = dialect_of("soap", DIALECT)
        assert dialect.status is not None
        return speaker(tmp_path, whole.encode(), status).say(dialect.status.call, {"message_id": "m"})

    return ask


def test_an_answer_is_an_object_by_local_names(heard: Callable[..., Heard]) -> None:
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    typed = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x"'
    found = heard(f'<a:R xmlns:a="urn:a"><a:V k="1">x</a:V><V/><W {nil}>z</W><T {typed}> t </T><!-- c --></a:R>')
    assert found.document == {"V": [{"@k": "1", "#text": "x"}, None], "W": None, "T": "t"}


def test_faults_of_both_versions_are_told(heard: Callable[..., Heard]) -> None:
    old = "<e:Fault><faultcode>e:Client.X</faultcode><faultstring>no</faultstring><detail><M>7</M></detail></e:Fault>"
    new = (
        "<e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>p:Bao</e:Value></e:Subcode></e:Code>"
        '<e:Reason><e:Text xml:lang="vi">bận</e:Text></e:Reason></e:Fault>'
    )
    first, second = heard(old, 500).fault, heard(new, 500, NEWER).fault
    assert first is not None and (first.code, first.text, first.detail) == ("Client.X", "no", {"M": "7"})
    assert second is not None and (second.code, second.text) == ("Bao", "bận")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html/>",
        f'<!DOCTYPE x [<!ENTITY a "b">]><e:Envelope xmlns:e="{ENVELOPE}"><e:Body><a>&a;</a></e:Body></e:Envelope>',
        f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body/></e:Envelope>',
        "<a>" * 400,
    ],
)
def test_what_is_no_plain_envelope_is_no_document(body: str, heard: Callable[..., Heard]) -> None:
    found = heard(body, envelope="")
    assert found.document is MISSING and found.fault is None and found.trouble


def test_arguments_that_the_contract_does_not_take_are_never_sent(tmp_path: Path) -> None:
    (tmp_path / "so-y-te.wsdl").write_bytes(WSDL)
    raw = json.loads(json.dumps(DIALECT))
    raw["status"]["call"]["arguments"]["Thua"] = "x"
    dialect = dialect_of("soap", raw)
    assert dialect.status is not None
    with pytest.raises(Unsayable, match="Thua"):
        speaker(tmp_path).say(dialect.status.call, {"message_id": "m"})
