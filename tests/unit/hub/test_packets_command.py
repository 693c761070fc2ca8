"""`hub packets check` tells offline whether a file is a packet and whether its signature holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from hub.main import app
from shared.packets import signing
from shared.packets.signing import Seal
from shared.packets.xml import Packet, build
from tests.unit.shared.packets.test_packets import DATA, HEADER
from tests.unit.shared.packets.test_trust import OFFICE, ROOT, SENDER, revocations

CLI = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key, its certificate, a signed packet and an unsigned one."""
    made = tmp_path_factory.mktemp("packets")
    key, certificate = signing.made("hub")
    (made / "key.pem").write_bytes(key)
    (made / "hub.pem").write_bytes(certificate)
    (made / "other.pem").write_bytes(signing.made("other")[1])
    seal = Seal.read(made / "key.pem", made / "hub.pem")
    (made / "signed.xml").write_bytes(signing.signed(Packet(HEADER, DATA), seal))
    (made / "plain.xml").write_bytes(build(Packet(HEADER, DATA)))
    return made


@pytest.mark.parametrize(
    ("file", "certificate", "code", "told"),
    [
        ("plain.xml", None, 0, "valid, not signed"),
        ("signed.xml", None, 0, "valid, signature not verified"),
        ("signed.xml", "hub.pem", 0, "valid, signature holds"),
        ("signed.xml", "other.pem", 1, "invalid, signature does not hold"),
        ("plain.xml", "hub.pem", 1, "packets.unsigned"),
        ("hub.pem", None, 1, "packets.unreadable"),
        ("plain.xml", "signed.xml", 1, "packets.unusable_certificate"),
    ],
)
def test_a_file_is_told_what_it_is(folder: Path, file: str, certificate: str | None, code: int, told: str) -> None:
    given = [] if certificate is None else ["--certificate", str(folder / certificate)]
    ran = CLI.invoke(app, ["packets", "check", str(folder / file), *given])
    assert ran.exit_code == code, ran.output
    if told == "packets.unsigned":
        ran = CLI.invoke(app, ["packets", "check", str(folder / file), *given, "--json"])
        assert json.loads(ran.stdout)["findings"][0]["code"] == told
    else:
        assert told in " ".join(ran.output.split())


@pytest.mark.parametrize(
    ("holder", "code", "told"),
    [
        ("CN=CSDL ngành giáo dục,O=Sở Giáo dục và Đào tạo,C=VN", 0, "signature holds"),
        ("CN=Ai đó", 1, "signature does not hold"),
        ("ai đó", 1, "packets.bad_holder"),
    ],
)
def test_a_signature_under_an_authority_is_told(folder: Path, holder: str, code: int, told: str) -> None:
    document = signing.signed(Packet(HEADER, DATA), replace(SENDER.seal, chain=(OFFICE.certificate,)))
    (folder / "theirs.xml").write_bytes(document)
    (folder / "root.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    for name, holding in (("root.crl", ROOT), ("office.crl", OFFICE)):
        (folder / name).write_bytes(revocations(holding).public_bytes(Encoding.DER))
    given = ["--authority", str(folder / "root.pem"), "--holder", holder]
    given += ["--revocations", str(folder / "root.crl"), "--revocations", str(folder / "office.crl")]
    ran = CLI.invoke(app, ["packets", "check", str(folder / "theirs.xml"), *given])
    assert (ran.exit_code, told in " ".join(ran.output.split())) == (code, True), ran.output


def test_a_wrong_value_is_told_with_its_line(folder: Path) -> None:
    (folder / "wrong.xml").write_bytes((folder / "plain.xml").read_bytes().replace(b"3507.6", b"many"))
    ran = CLI.invoke(app, ["packets", "check", str(folder / "wrong.xml"), "--json"])
    assert ran.exit_code == 1
    [finding] = json.loads(ran.stdout)["findings"]
    assert (finding["place"], finding["line"]) == ("ReportData/figure[1]/value", 14)


def test_all_schemas_are_written_and_all_kinds_listed(folder: Path) -> None:
    assert CLI.invoke(app, ["packets", "schemas", str(folder / "xsd")]).exit_code == 0
    assert len(list((folder / "xsd").glob("*.xsd"))) == 14
    assert len(json.loads(CLI.invoke(app, ["packets", "list", "--json"]).stdout)) == 13
