"""`python -m services.accounts.bootstrap`: the token key, and the demo's people and clients. Safe to run again.

Secrets are made once, kept in HUB_SECRETS_DIR (mode 0600), and never printed. A secret already in the file stays;
deleting its line and running again gives the account a new one. `--rotate-key` adds a new signing key.
`--secrets-only` makes the secrets and touches no database: for where they are mounted read-only later.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from services.accounts import storage
from services.accounts.domain import ROLES, check_rights
from services.accounts.keys import rotate, write_secret
from services.accounts.passwords import Passwords
from services.accounts.settings import AccountsSettings
from shared.contracts.actor import EVERYWHERE
from shared.storage import UnitOfWork, engine

ALL = (EVERYWHERE,)
PROVINCE = "LC"
OFFICE = "LC-VP"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """A person of the demo."""

    username: str
    name: str
    agency: str | None
    roles: tuple[str, ...]
    units: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoClient:
    """A system of the demo."""

    client_id: str
    partner: str
    name: str
    rights: tuple[str, ...]
    units: tuple[str, ...] = (PROVINCE,)
    forms: tuple[str, ...] = ALL


OFFICES = {  # short name: (agency, name, what its figures are about, forms)
    "stk": ("LC-STK", "Thống kê tỉnh", PROVINCE, ("DS-NAM", "GR-6T", "GR-9T")),
    "snnmt": ("LC-SNNMT", "Sở Nông nghiệp và Môi trường", PROVINCE, ("NN-NAM", "NN-THANG", "PCTT-TINH")),
    "sgddt": ("LC-SGDDT", "Sở Giáo dục và Đào tạo", PROVINCE, ("GD-NAM",)),
    "syt": ("LC-SYT", "Sở Y tế", PROVINCE, ("YT-NAM",)),
    "sct": ("LC-SCT", "Sở Công Thương", PROVINCE, ("TM-NAM", "CT-THANG")),
    "sxd": ("LC-SXD", "Sở Xây dựng", PROVINCE, ("VT-NAM", "VT-THANG")),
    "stc": ("LC-STC", "Sở Tài chính", PROVINCE, ("NS-THANG", "DT-THANG", "DN-THANG", "DTC-QUY")),
    "doanket": ("LC-X03388-2025", "phường Đoàn Kết", "LC-X03388-2025",
                ("XA-NAM", "XA-THANG", "TTHC-XA", "PCTT-XA", "MUALU-XA")),
    # One pair for all communes, named for no agency: the load test works through them.
    "xa": (None, "các xã, phường", EVERYWHERE, ("XA-NAM",)),
}  # fmt: skip
"""Each has somebody who enters and a leader who approves."""


def _pair(prefix: str, agency: str | None, of: str, unit: str, forms: tuple[str, ...]) -> tuple[DemoPerson, DemoPerson]:
    def person(name: str, title: str, role: str) -> DemoPerson:
        return DemoPerson(
            username=f"{prefix}.{name}",
            name=f"{title} {of}",
            agency=agency,
            roles=(role,),
            units=(unit,),
            forms=forms,
        )

    return person("nhaplieu", "Cán bộ nhập liệu", "nhap_lieu"), person("lanhdao", "Lãnh đạo", "lanh_dao")


def _of_office(username: str, name: str, role: str) -> DemoPerson:
    return DemoPerson(username=username, name=name, agency=OFFICE, roles=(role,), units=ALL, forms=ALL)


PEOPLE: tuple[DemoPerson, ...] = (
    # Two, so that what one of them proposes another one can publish.
    _of_office("quantri", "Quản trị Văn phòng UBND tỉnh", "quan_tri"),
    _of_office("quantri2", "Quản trị thứ hai, Văn phòng UBND tỉnh", "quan_tri"),
    _of_office("tonghop", "Cán bộ tổng hợp Văn phòng UBND tỉnh", "tong_hop"),
    *(person for key, office in OFFICES.items() for person in _pair(key, *office)),
    DemoPerson(
        username="snnmt.quantri",
        name="Quản trị Sở Nông nghiệp và Môi trường",
        agency="LC-SNNMT",
        roles=("quan_tri_don_vi",),
        units=(PROVINCE, "LC-SNNMT", "LC-SNNMT-KL"),
        forms=("NN-NAM", "NN-THANG", "PCTT-TINH", "BVR-KL"),
    ),
    DemoPerson(
        username="kiemlam.nhaplieu",
        name="Cán bộ nhập liệu Chi cục Kiểm lâm",
        agency="LC-SNNMT-KL",
        roles=("nhap_lieu",),
        units=(PROVINCE, "LC-SNNMT-KL"),
        forms=("NN-THANG", "BVR-KL"),
    ),
)

PUSHER = ("catalogue.read", "data.push", "sources.compare", "submissions.read")
CLIENTS: tuple[DemoClient, ...] = (
    DemoClient(
        client_id="csdl-giao-duc",
        partner="nguon-giao-duc",
        name="CSDL ngành giáo dục",
        rights=PUSHER,
        forms=("GD-NAM",),
    ),
    DemoClient(client_id="csdl-y-te", partner="nguon-y-te", name="CSDL ngành y tế", rights=PUSHER, forms=("YT-NAM",)),
    DemoClient(
        client_id="csdl-nong-nghiep",
        partner="nguon-nong-nghiep",
        name="CSDL ngành nông nghiệp",
        rights=PUSHER,
        forms=("NN-NAM",),
    ),
    DemoClient(
        client_id="tai-thu",
        partner="tai-thu",
        name="Hệ thống thử tải",
        rights=(*PUSHER, "submissions.edit", "submissions.submit", "observations.read"),
        units=ALL,
    ),
    DemoClient(
        client_id="cong-noi-bo",
        partner="cong-noi-bo",
        name="Cổng thông tin nội bộ",
        rights=("catalogue.read", "digests.read", "observations.read", "submissions.read"),
        units=ALL,
    ),
    DemoClient(
        client_id="van-hanh",
        partner="van-hanh",
        name="Công cụ dòng lệnh vận hành",
        rights=tuple(sorted(ROLES["quan_tri"])),
        units=ALL,
    ),
)


def run(unit: UnitOfWork, settings: AccountsSettings, passwords: Passwords) -> None:
    """Make what is missing: the secrets, the accounts and their hashes."""
    known = ensure_secrets(settings)
    with unit() as work:
        for person in PEOPLE:
            secret = known["people"][person.username]
            kept = storage.secret_hash(work.connection, "person", person.username)
            storage.put_person(
                work.connection,
                username=person.username,
                name=person.name,
                agency=person.agency,
                roles=person.roles,
                units=person.units,
                forms=person.forms,
                password_hash=_hash(passwords, kept, secret),
            )
            if kept is None:
                work.audit("account.created", f"person:{person.username}", {"roles": person.roles})
        for client in CLIENTS:
            check_rights(client.rights)
            kept = storage.secret_hash(work.connection, "client", client.client_id)
            storage.put_client(
                work.connection,
                client_id=client.client_id,
                partner=client.partner,
                name=client.name,
                rights=client.rights,
                units=client.units,
                forms=client.forms,
                secret_hash=_hash(passwords, kept, known["clients"][client.client_id]),
            )
            if kept is None:
                work.audit("account.created", client.client_id, {"rights": client.rights})


def ensure_secrets(settings: AccountsSettings) -> dict[str, dict[str, str]]:
    """Make the signing key and the accounts' secrets where they are missing; return the latter."""
    if not settings.signing_keys.exists():
        rotate(settings.signing_keys)
    return _secrets(settings.demo_accounts)


def _hash(passwords: Passwords, kept: str | None, secret: str) -> str:
    # A hash of the same secret with today's parameters is kept, so that running again changes nothing.
    if kept is not None and not passwords.outdated(kept) and passwords.matches(kept, secret):
        return kept
    return passwords.hash(secret)


def _secrets(path: Path) -> dict[str, dict[str, str]]:
    before: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    made = {
        "people": {name: secrets.token_urlsafe(12) for name in (person.username for person in PEOPLE)},
        "clients": {name: secrets.token_urlsafe(24) for name in (client.client_id for client in CLIENTS)},
    }
    after = {group: fresh | before.get(group, {}) for group, fresh in made.items()}
    if after != before:
        write_secret(path, json.dumps(after, indent=2))
    return after


def main() -> int:
    """Run on the database and folder that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m services.accounts.bootstrap", description=__doc__)
    parser.add_argument("--secrets-only", action="store_true", help="make the secrets, touch no database")
    parser.add_argument("--rotate-key", action="store_true", help="add a signing key; the newest signs")
    wanted = parser.parse_args()
    settings = AccountsSettings.read()
    if wanted.secrets_only:
        ensure_secrets(settings)
    else:
        run(UnitOfWork.for_engine(engine("accounts"), "accounts"), settings, Passwords())
    if wanted.rotate_key:
        rotate(settings.signing_keys)
    sys.stdout.write(f"{len(PEOPLE)} people and {len(CLIENTS)} clients; secrets in {settings.demo_accounts}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
