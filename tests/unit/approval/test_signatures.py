"""Signatures over decisions hold offline and break with any change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.approval.signatures import DecisionSigner, faults, verify
from tests.unit.approval.test_cases import CASE, LEADER, NOW


def test_a_signed_decision_verifies_with_the_public_key_alone() -> None:
    signer = DecisionSigner(Ed25519PrivateKey.generate())
    case = CASE.approve(LEADER, "h1", NOW)
    assert verify(case, signer.sign(case), {signer.key_id: signer.public_key}) is None


def test_a_changed_decision_a_foreign_key_and_a_missing_signature_are_told() -> None:
    signer, other = DecisionSigner(Ed25519PrivateKey.generate()), DecisionSigner(Ed25519PrivateKey.generate())
    case = CASE.approve(LEADER, "h1", NOW)
    signed = signer.sign(case)
    keys = {signer.key_id: signer.public_key}
    changed = replace(case, decided_by="person:someone")
    assert verify(changed, signed, keys) == "the record differs from what was signed"
    assert verify(case, other.sign(case), keys) == f"unknown key {other.key_id}"
    forged = replace(other.sign(case), key_id=signer.key_id)
    assert verify(case, forged, keys) == "the signature does not hold"
    assert faults([(case, signed), (case, None)], keys) == [(case.id, "no signature")]


def test_processes_that_start_at_once_agree_on_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "approval_signing_key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: DecisionSigner.from_file(path).key_id, range(16)))
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_an_undecided_case_is_not_signed() -> None:
    with pytest.raises(ValueError, match="not decided"):
        DecisionSigner(Ed25519PrivateKey.generate()).sign(CASE)
