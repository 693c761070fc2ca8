"""X-Road's identifiers and errors, by the text of its protocols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.xroad import Member, Service, of_platform, surely_not_done

PART = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters=":;/\\%\u200b\ufeff"), min_size=1, max_size=20
).filter(lambda text: text.strip() and text not in (".", ".."))


@given(st.lists(PART, min_size=3, max_size=4))
def test_a_member_is_read_back_from_its_encoding_whatever_its_codes_hold(parts: list[str]) -> None:
    member = Member(*parts)
    assert Member.read(str(member)) == member
    assert str(member).count("/") == len(parts) - 1
    assert str(member).isascii()


def test_parts_are_encoded_each_by_itself_and_the_separator_is_not() -> None:
    service = Service.read("VN/GOV/H35/b%C3%A1o%20c%C3%A1o/reporting")
    assert (service.provider.subsystem, service.code) == ("báo cáo", "reporting")
    assert str(service) == "VN/GOV/H35/b%C3%A1o%20c%C3%A1o/reporting"


@pytest.mark.parametrize(
    "text",
    ["", "VN", "VN/GOV", "VN/GOV/H35/a/b", "VN//H35", "VN/GOV/../x", "VN%2FGOV%2FH35", "VN/GOV/%ff", "VN/GOV/a:b"],
)
def test_what_is_no_identifier_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no X-Road identifier"):
        Member.read(text)


def test_a_service_needs_its_subsystem() -> None:
    with pytest.raises(Invalid):
        Service.read("VN/GOV/H35/reporting")


@pytest.mark.parametrize(
    ("code", "platform", "certain"),
    [
        ("Client.BadRequest", True, True),
        ("Server.ServerProxy.AccessDenied", True, True),
        ("Server.ClientProxy.UnknownMember", True, True),
        ("Server.ServerProxy.ServiceFailed.HttpError", True, False),
        ("Server.ServerProxy.ServiceFailed.SslAuthenticationFailed", True, False),
        ("Server.ServerProxy.NetworkError", True, False),
        ("Server.ClientProxy.LoggingFailed.InternalError", True, False),
        ("Server", False, False),
        ("Client", False, False),
    ],
)
def test_an_error_of_the_platform_tells_whether_the_service_was_called(
    code: str, platform: bool, certain: bool
) -> None:
    assert (of_platform(code), surely_not_done(code)) == (platform, certain)
