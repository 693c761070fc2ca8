"""Keys that sign tokens: rotation, publication, what is never published."""

from __future__ import annotations

from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.accounts.keys import ALGORITHM, KEPT, SigningKeys, rotate
from shared.errors import Internal


def test_the_newest_key_signs_and_tokens_of_older_ones_still_hold(tmp_path: Path) -> None:
    path = tmp_path / "token_signing_key"
    first = rotate(path)
    keys = SigningKeys(path)
    old = keys.sign({"sub": "x"})
    second = rotate(path)
    new = keys.sign({"sub": "y"})
    public = KeySet.import_key_set(keys.public())  # type: ignore[arg-type] # joserfc wants its own TypedDict
    decoded = [jwt.decode(token, public, algorithms=[ALGORITHM]) for token in (old, new)]
    assert [token.header["kid"] for token in decoded] == [first, second]
    assert [token.claims["sub"] for token in decoded] == ["x", "y"]


def test_only_the_last_three_keys_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "token_signing_key"
    made = [rotate(path) for _ in range(5)]
    assert [key["kid"] for key in SigningKeys(path).public()["keys"]] == made[-KEPT:]


def test_private_parts_are_not_published_and_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "token_signing_key"
    rotate(path)
    assert all("d" not in key and key["alg"] == ALGORITHM for key in SigningKeys(path).public()["keys"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    with pytest.raises(Internal, match=r"accounts\.no_signing_key"):
        SigningKeys(tmp_path / "none").sign({})
