"""Formulas that look at other periods, on a real PostgreSQL: a correction reaches every value that rests on it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shared.contracts.events import Figure, ObservationsRecorded
from shared.contracts.hashes import release_hash
from tests.service.indicators.test_warehouse_service import OFFICE, Desk

REFORM = "2025-07-01"
DERIVED = {
    "TM": "growth_last(M)",
    "CK": "growth_same(M)",
    "LK": "cumulative(M)",
    "CKLK": "growth_same(LK)",
    "TL": "ratio(P, M)",
    "TLT": "same(TL)",
    "DUNO": "same(R)",
}


def load() -> dict[str, Any]:
    """Communes C1 and C2 became C3; C4 was split into C5 (0.4) and C6 (0.6). All report M (added), P (added), R (a rate
    weighted by M) monthly."""

    def commune(name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "name": f"Xã {name}", "kind": "commune", "parent": "LC"} | more

    def into(*parts: tuple[str, str | None]) -> dict[str, Any]:
        how = "split" if len(parts) > 1 else "merged"
        edges = [{"id": unit, "how": how, "on": REFORM, "share": share} for unit, share in parts]
        return {"valid_to": REFORM, "successors": edges}

    def entered(code: str, rollup: str) -> dict[str, Any]:
        return {"id": code, "name": code, "measure": "cái", "value_type": "decimal", "decimals": 1, "rollup": rollup}

    return {
        "units": [
            {"id": "LC", "name": "Lai Châu", "kind": "province"},
            commune("C1", **into(("C3", None))),
            commune("C2", **into(("C3", None))),
            commune("C3", valid_from=REFORM),
            commune("C4", **into(("C5", "0.4"), ("C6", "0.6"))),
            commune("C5", valid_from=REFORM),
            commune("C6", valid_from=REFORM),
        ],
        "indicators": [
            entered("M", "sum"),
            entered("P", "sum"),
            entered("R", "weighted:M"),
            *(entered(code, "derived") | {"formula": formula} for code, formula in DERIVED.items()),
        ],
        "regimes": [
            {
                "id": "THANG",
                "name": "Báo cáo tháng",
                "decision": "Quyết định thử",
                "period_kind": "month",
                "deadline": {"day": 20},
                "level": "commune",
            }
        ],
        "forms": [
            {
                "id": "XA-THANG",
                "name": "Biểu tháng",
                "regime": "THANG",
                "period_kind": "month",
                "indicators": ["M", "P", "R"],
                "derived": list(DERIVED),
                "owed_by": {"each": "commune"},
                "periods": {"from": "2020-01"},
            }
        ],
    }


class Book(Desk):
    """The desk, with rounds of the monthly form by unit and period."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.service.load_catalogue(OFFICE, load())
        self.rounds: dict[tuple[str, str], int] = {}

    def report(self, unit: str, period: str, **values: str | None) -> None:
        number = self.rounds[unit, period] = self.rounds.get((unit, period), 0) + 1
        figures = [Figure(code, value) for code, value in sorted(values.items())]
        self.finalise("XA-THANG", period, figures, number, unit)

    def value(self, code: str, unit: str, period: str) -> str | None:
        return self.held(unit=unit, indicator=code, period_from=period, period_to=period).get(code, "-")

    def basis(self, code: str, unit: str, period: str) -> str | None:
        return self.service.find_observation(OFFICE, code, unit, period).basis


@pytest.fixture
def book(database: Callable[[str], Engine]) -> Book:
    return Book(database("indicators"))


def test_a_corrected_january_changes_what_february_december_and_the_next_january_say(book: Book) -> None:
    for number, value in enumerate((100, 110, 121), 1):
        book.report("C1", f"2023-{number:02}", M=str(value))
    for number, value in enumerate((150, 132), 1):
        book.report("C1", f"2024-{number:02}", M=str(value))
    assert [book.value("TM", "C1", f"2023-{n:02}") for n in (1, 2, 3)] == ["-", "10", "10"]
    assert [book.value("LK", "C1", f"2023-{n:02}") for n in (1, 2, 3)] == ["100", "210", "331"]
    assert [book.value("CK", "C1", f"2024-{n:02}") for n in (1, 2)] == ["50", "20"]
    assert [book.value("CKLK", "C1", f"2024-{n:02}") for n in (1, 2)] == ["50", "34.3"]
    book.emitted(ObservationsRecorded)

    book.report("C1", "2023-01", M="50")

    assert [book.value("TM", "C1", f"2023-{n:02}") for n in (1, 2, 3)] == ["-", "120", "10"]
    assert [book.value("LK", "C1", f"2023-{n:02}") for n in (1, 2, 3)] == ["50", "160", "281"]
    assert [book.value("CK", "C1", f"2024-{n:02}") for n in (1, 2)] == ["200", "20"]
    assert [book.value("CKLK", "C1", f"2024-{n:02}") for n in (1, 2)] == ["200", "76.2"]
    told = book.emitted(ObservationsRecorded)
    assert [(event.period, event.version) for event in told] == [
        ("2023-01", 2),
        ("2023-02", 2),
        ("2023-03", 2),
        ("2024-01", 2),
        ("2024-02", 2),
    ]
    assert {event.batch for event in told} == {6}
    for event in told:
        expected = release_hash(event.form, event.unit, event.period, event.version, event.observations)
        assert event.content_hash == expected
    assert [event.round for event in told] == [2, 1, 1, 1, 1]
    before = book.held(unit="C1", period_from="2024-01", as_of=5)
    assert (before["CK"], before["LK"]) == ("20", "282")


def test_what_comes_late_is_seen_by_the_periods_after_it(book: Book) -> None:
    book.report("C1", "2023-02", M="110")
    assert book.value("TM", "C1", "2023-02") == "-"
    assert book.value("LK", "C1", "2023-02") == "-"
    book.report("C1", "2023-01", M="100")
    assert (book.value("TM", "C1", "2023-02"), book.value("LK", "C1", "2023-02")) == ("10", "210")


def test_a_withdrawn_figure_withdraws_what_rested_on_it(book: Book) -> None:
    book.report("C1", "2023-01", M="100", P="1")
    book.report("C1", "2023-02", M="110")
    book.report("C1", "2023-01", P="1")
    assert (book.value("TM", "C1", "2023-02"), book.value("LK", "C1", "2023-02")) == ("-", "-")
    assert book.value("M", "C1", "2023-02") == "110"


def test_what_did_not_occur_adds_nothing_to_the_year_and_has_no_rate(book: Book) -> None:
    book.report("C1", "2023-01", M=None)
    book.report("C1", "2023-02", M="110")
    assert (book.value("LK", "C1", "2023-01"), book.value("LK", "C1", "2023-02")) == ("-", "110")
    assert book.value("TM", "C1", "2023-02") == "-"


def test_a_change_that_changes_nothing_later_touches_no_other_period(book: Book) -> None:
    book.report("C1", "2023-01", M="100", P="1")
    book.report("C1", "2023-02", M="110")
    book.emitted(ObservationsRecorded)
    book.report("C1", "2023-01", M="100", P="2")
    assert [event.period for event in book.emitted(ObservationsRecorded)] == ["2023-01"]


def test_a_derived_value_is_as_certain_as_the_least_certain_figure_of_any_period(book: Book) -> None:
    book.finalise("XA-THANG", "2023-01", [Figure("M", "100", "estimate")], 1, "C1")
    book.report("C1", "2023-02", M="110")
    assert book.service.find_observation(OFFICE, "TM", "C1", "2023-02").status == "estimate"
    book.finalise("XA-THANG", "2023-01", [Figure("M", "100", "official")], 2, "C1")
    assert book.service.find_observation(OFFICE, "TM", "C1", "2023-02").status == "official"


def test_the_last_year_of_a_merged_unit_is_the_roll_up_of_those_it_came_from_and_says_so(book: Book) -> None:
    book.report("C1", "2025-01", M="60", P="30", R="10")
    book.report("C2", "2025-01", M="40", P="10", R="20")
    book.report("C3", "2026-01", M="150", P="75", R="30")
    assert (book.value("CK", "C3", "2026-01"), book.basis("CK", "C3", "2026-01")) == ("50", "predecessors")
    assert book.value("DUNO", "C3", "2026-01") == "14"  # (10*60 + 20*40) / 100
    assert book.value("TLT", "C3", "2026-01") == "40"  # 40 of 100, not the mean of 50 % and 25 %
    assert book.basis("TL", "C3", "2026-01") is None
    book.report("C2", "2025-01", M="65", P="10", R="20")
    assert book.value("CK", "C3", "2026-01") == "20"


def test_a_predecessor_without_a_figure_leaves_the_roll_up_without_one(book: Book) -> None:
    book.report("C1", "2025-01", M="60")
    book.report("C3", "2026-01", M="150")
    assert book.value("CK", "C3", "2026-01") == "-"
    book.report("C2", "2025-01", M=None)
    assert book.value("CK", "C3", "2026-01") == "150"


def test_the_month_and_the_year_before_run_through_the_reform(book: Book) -> None:
    for number in range(1, 7):
        book.report("C1", f"2025-{number:02}", M="10")
        book.report("C2", f"2025-{number:02}", M="5")
    book.report("C3", "2025-07", M="18")
    assert (book.value("TM", "C3", "2025-07"), book.basis("TM", "C3", "2025-07")) == ("20", "predecessors")
    assert (book.value("LK", "C3", "2025-07"), book.basis("LK", "C3", "2025-07")) == ("108", "predecessors")
    book.report("C3", "2025-08", M="27")
    assert (book.value("TM", "C3", "2025-08"), book.basis("TM", "C3", "2025-08")) == ("50", None)


def test_what_was_reached_by_last_years_month_is_rolled_up_month_by_month(book: Book) -> None:
    for number in (1, 2, 3):
        book.report("C1", f"2025-{number:02}", M="10")
        book.report("C2", f"2025-{number:02}", M=str(number))
    for number in (1, 2, 3):
        book.report("C3", f"2026-{number:02}", M="18")
    assert book.value("CKLK", "C3", "2026-03") == "50"  # 54 against 10 + 10 + 10 + 1 + 2 + 3
    assert book.basis("CKLK", "C3", "2026-03") == "predecessors"
    book.report("C1", "2025-01", M="4")
    assert book.value("CKLK", "C3", "2026-03") == "80"


def test_shares_of_a_split_unit_are_an_estimate(book: Book) -> None:
    book.report("C4", "2025-01", M="100")
    book.report("C5", "2026-01", M="50")
    assert (book.value("CK", "C5", "2026-01"), book.basis("CK", "C5", "2026-01")) == ("25", "predecessors_estimated")


def test_a_figure_of_an_older_measure_is_converted_or_is_none(book: Book) -> None:
    measures = [
        {"id": "C", "name": "cái", "dimension": "cái"},
        {"id": "NC", "name": "nghìn cái", "dimension": "cái", "factor": "1000"},
    ]
    changed = next(item for item in load()["indicators"] if item["id"] == "M")
    changed |= {"version": 2, "measure": "nghìn cái", "valid_from": "2026-01-01"}
    book.service.load_catalogue(OFFICE, {"measures": measures, "indicators": [changed]})
    book.report("C1", "2025-01", M="2000")
    book.report("C1", "2025-02", M="0.05")
    book.service.load_catalogue(OFFICE, {"units": [{"id": "C1", "name": "Xã C1", "kind": "commune", "parent": "LC"}]})
    book.report("C1", "2026-01", M="3")
    book.report("C1", "2026-02", M="3")
    assert book.value("CK", "C1", "2026-01") == "50"
    assert book.value("CK", "C1", "2026-02") == "-"  # 0,00005 thousand would have to be rounded


_reports = st.lists(st.tuples(st.integers(0, 25), st.none() | st.integers(1, 40).map(str)), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_reports, st.integers(0, 10**9))
def test_whatever_order_rounds_come_in_every_value_is_what_its_figures_say(
    book: Book, reports: list[tuple[int, str | None]], number: int
) -> None:
    unit = f"C{number}"
    book.service.load_catalogue(OFFICE, {"units": [{"id": unit, "name": unit, "kind": "commune", "parent": "LC"}]})
    months: dict[int, Fraction | None] = {}
    for at, value in reports:
        book.report(unit, _month(at), M=value, P="1")
        months[at] = None if value is None else Fraction(value)
    for at in months:
        page = book.service.list_observations(OFFICE, unit=unit, period_from=_month(at), period_to=_month(at))
        held = {item.indicator: Fraction(item.value) for item in page.observations if item.derived and item.value}
        expected = {"TM": _growth(months, at, 1), "CK": _growth(months, at, 12), "LK": _since_january(months, at)}
        for code, fraction in expected.items():
            assert (code in held) == (fraction is not None), (code, at)
            assert fraction is None or abs(held[code] - fraction) <= Fraction(1, 20)


def _month(at: int) -> str:
    return f"{2022 + at // 12}-{at % 12 + 1:02}"


def _growth(months: dict[int, Fraction | None], at: int, back: int) -> Fraction | None:
    now, base = months.get(at), months.get(at - back)
    return None if now is None or base is None else (now / base - 1) * 100


def _since_january(months: dict[int, Fraction | None], at: int) -> Fraction | None:
    since = range(at - at % 12, at + 1)
    if any(month not in months for month in since):
        return None
    occurred = [value for month in since if (value := months[month]) is not None]
    return sum(occurred, Fraction(0)) if occurred else None
