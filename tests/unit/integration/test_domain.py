"""The rules of integration, without a database."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integration.domain.delivery import Answer, Pace, Said, State, Step, after_asking, after_sending, as_told
from services.integration.domain.ledger import digest_of
from services.integration.domain.mapping import CodeMapping
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import unequal
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Code, Unit
from shared.digest import Digest, of_hash, total
from shared.errors import Invalid

PACE = Pace(first=1.0, cap=60.0, max_attempts=5, max_processing=3.0)


@pytest.mark.parametrize(
    ("said", "attempts", "state"),
    [
        (Said.APPLIED, 1, State.ACKNOWLEDGED),
        (Said.SUPERSEDED, 1, State.SUPERSEDED),
        (Said.REFUSED, 1, State.REJECTED),
        (Said.NOT_APPLIED, 4, State.WAITING),
        (Said.NOT_APPLIED, 5, State.DEAD),
        (Said.UNCLEAR, 1, State.IN_DOUBT),
        (Said.UNCLEAR, 9, State.IN_DOUBT),
    ],
)
def test_sending_leads_to(said: Said, attempts: int, state: State) -> None:
    assert after_sending(Answer(said), attempts, PACE, 0.5).state is state


@pytest.mark.parametrize(
    ("said", "overtaken", "attempts", "state"),
    [
        (Said.APPLIED, True, 1, State.ACKNOWLEDGED),
        (Said.UNKNOWN, False, 1, State.PLANNED),
        (Said.UNKNOWN, True, 1, State.SUPERSEDED),
        (Said.UNKNOWN, False, 5, State.DEAD),
        (Said.UNCLEAR, False, 1, State.IN_DOUBT),
        (Said.NOT_APPLIED, False, 1, State.IN_DOUBT),
        (Said.UNCLEAR, False, 5, State.DEAD),
        (Said.UNASKABLE, False, 5, State.IN_DOUBT),
    ],
)
def test_asking_leads_to(said: Said, overtaken: bool, attempts: int, state: State) -> None:
    assert after_asking(Answer(said), attempts, PACE, 0.5, overtaken).state is state


def test_what_nobody_can_be_asked_about_waits_for_a_person() -> None:
    step = after_asking(Answer(Said.UNASKABLE), 2, PACE, 0.5, overtaken=True)
    assert (step.state, step.due_in, step.needs_person) == (State.IN_DOUBT, None, True)
    assert as_told(applied=True, overtaken=True).state is State.ACKNOWLEDGED
    assert as_told(applied=False, overtaken=True).state is State.SUPERSEDED
    assert as_told(applied=False, overtaken=False) == Step(State.PLANNED, 0.0)


def test_unclear_delivery_is_asked_about_only_after_the_partners_processing_time() -> None:
    assert after_sending(Answer(Said.UNCLEAR), 1, PACE, 0.0).due_in == 3.0


@given(st.integers(1, 10_000), st.floats(0, 0.999), st.one_of(st.none(), st.floats(0, 100)))
def test_wait_is_bounded_and_honours_the_partners_wish(attempts: int, jitter: float, wish: float | None) -> None:
    wait = PACE.wait(attempts, jitter, wish)
    assert 0.5 <= wait <= max(60.0, wish or 0.0) and wait >= (wish or 0.0)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=30))
def test_digest_in_one_pass_is_the_sum_of_its_entries(hashes: list[bytes]) -> None:
    assert digest_of(hashes) == total(of_hash(raw) for raw in hashes)


def test_empty_and_absent_groups_are_equal() -> None:
    assert unequal({"a": Digest()}, {"b": Digest()}) == set()
    assert unequal({"a": Digest(1, (1,) * 8)}, {}) == {"a"}


def test_unit_goes_out_under_the_code_valid_in_the_period() -> None:
    old = {"scheme": "gso", "code": "1", "valid_from": None, "valid_to": "2025-07-01"}
    new = {"scheme": "gso", "code": "2", "valid_from": "2025-07-01", "valid_to": None}
    mapping = CodeMapping(indicator_prefix="T12.", indicators={"A": "X"})
    assert [mapping.unit("U", {"codes": [new, old]}, period) for period in ("2024", "2025")] == ["1", "2"]
    assert (mapping.indicator("A"), mapping.indicator("B")) == ("X", "T12.B")
    assert (mapping.hub_indicator("X"), mapping.hub_indicator("T12.B")) == ("A", "B")
    with pytest.raises(Invalid, match="unmapped_unit"):
        mapping.unit("U", {"codes": []}, "2024")


def test_a_unit_goes_out_under_the_code_of_the_periods_last_day() -> None:
    codes = [{"scheme": "gso", "code": "1", "valid_to": "2025-07-01"}, {"scheme": "gso", "code": "2"}]
    codes[1]["valid_from"] = "2025-07-01"
    periods = ("2025-06", "2025-Q2", "2025-H1", "2025-07", "2025-Q3", "2025")
    assert [CodeMapping().unit("U", {"codes": codes}, period) for period in periods] == ["1", "1", "1", "2", "2", "2"]


@pytest.mark.parametrize(("scheme", "theirs"), [("qd20", "H35.99"), ("qcvn102", "000.00.99.H35")])
@pytest.mark.parametrize("held", [("qd20", "H35.99"), ("qcvn102", "000.00.99.H35"), ("qd20", "000.00.99.H35")])
def test_an_identifier_goes_out_and_comes_back_in_the_partners_order(
    scheme: str, theirs: str, held: tuple[str, str]
) -> None:
    code = {"scheme": held[0], "code": held[1]}  # made up: no department's code is known
    organisation = Organisation([Unit(id="U", name="Sở", kind="agency", codes=[Code(scheme=held[0], code=held[1])])])
    mapping = CodeMapping(unit_scheme=scheme)
    assert mapping.unit("U", {"codes": [code]}, "2025") == theirs
    assert mapping.hub_unit(theirs, "2025", organisation) == "U"


def test_a_reused_code_of_a_partner_means_the_unit_of_the_period() -> None:
    day = date(2025, 7, 1)
    until, since = Code(scheme="gso", code="03388", valid_to=day), Code(scheme="gso", code="03388", valid_from=day)
    old = Unit(id="CU", name="Quyết Tiến", kind="commune", valid_to=day, codes=[until])
    new = Unit(id="MOI", name="Đoàn Kết", kind="commune", valid_from=day, codes=[since])
    organisation = Organisation([old, new])
    named = [CodeMapping().hub_unit("03388", period, organisation) for period in ("2025-06", "2025-07", "2025")]
    assert named == ["CU", "MOI", "MOI"]
    assert CodeMapping().hub_unit("99999", "2025", organisation) == "99999"
    assert CodeMapping(unit_scheme="").hub_unit("CU", "2025", organisation) == "CU"


def test_partner_takes_its_forms_from_its_level_upward() -> None:
    partner = Partner(id="p", name="P", protocol="rest", endpoint="", credential="c", forms=("A",))
    assert partner.takes("A", "province") and partner.takes("A", "government")
    assert not partner.takes("A", "commune") and not partner.takes("B", "province")
