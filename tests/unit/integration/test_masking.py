"""No secret enters the message log, wherever it stands."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integration.domain.masking import masked_address, masked_body, masked_headers
from services.integration.domain.messages import part

SECRET = "s3cr3t-of-the-partner"
WSSE = (
    "<soap:Header><wsse:Security soap:mustUnderstand='1'><wsse:UsernameToken><wsse:Username>LC</wsse:Username>"
    f"<wsse:Password Type='x'>{SECRET}</wsse:Password></wsse:UsernameToken></wsse:Security></soap:Header><v>7</v>"
)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"client_secret": "{SECRET}", "form": "GD01"}}',
        f'{{"a": {{"api_key":"{SECRET}\\"more"}}, "form": "GD01"}}',
        f'{{"form": "GD01", "access_token": "{SECRET}',
        f"<t:Token xmlns:t='urn:x'>{SECRET}</t:Token><form>GD01</form>",
        f"<form>GD01</form><Token xmlns='urn:x'><![CDATA[{SECRET}]]></Token>",
        f"token={SECRET}&form=GD01",
        f'{{"form": "GD01 token", "secret_token": "{SECRET}", "note": "token"}}',
        f"<form>GD01</form><matKhau>{SECRET}</matKhau>",
        f"grant_type=client_credentials&client_secret={SECRET}&form=GD01",
        WSSE + "GD01",
        f"GD01<wsse:Security><x>{SECRET}",
    ],
)
def test_what_is_secret_by_its_name_is_hidden_and_the_rest_stays(text: str) -> None:
    shown = masked_body(text.encode()).decode()
    assert SECRET not in shown and "more" not in shown and "***" in shown and "GD01" in shown


def test_figures_are_not_taken_for_secrets() -> None:
    text = b'{"message_id":"1","values":[{"indicator":"GD01","value":"3507.6"}],"passed":true}'
    assert masked_body(text) == text


def test_headers_and_addresses_lose_credentials() -> None:
    lines = masked_headers({"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET, "Cookie": "a=b", "Accept": "*/*"})
    assert lines == "Authorization: ***\r\nX-Api-Key: ***\r\nCookie: ***\r\nAccept: */*"
    assert masked_address(f"https://u:{SECRET}@host:8/p?form=GD01&token={SECRET}#x") == (
        "https://host:8/p?form=GD01&token=***"
    )


@given(
    before=st.binary(max_size=60),
    after=st.binary(max_size=60),
    times=st.integers(min_value=1, max_value=3),
    limit=st.integers(min_value=0, max_value=120),
)
def test_the_partners_own_secret_is_never_kept_nor_cut(before: bytes, after: bytes, times: int, limit: int) -> None:
    body = (before + SECRET.encode()) * times + after
    kept = part("200", {"X-Echo": SECRET}, body, limit, [SECRET.encode()])
    assert kept.packed is not None
    text = zlib.decompress(kept.packed)
    assert SECRET.encode() not in text and kept.size == len(body)
    assert len(text.partition(b"\r\n\r\n")[2]) <= limit
    shown = text.partition(b"\r\n\r\n")[2]
    if SECRET.encode()[:6] not in before + after:
        assert SECRET.encode()[:6] not in shown
