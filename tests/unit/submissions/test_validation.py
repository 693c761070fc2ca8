"""Findings about a draft as a whole, and their documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from services.submissions.domain import findings
from services.submissions.domain.catalogue import compile_catalogue
from services.submissions.domain.merge import Cell, Clock, Pushed, Source
from services.submissions.domain.validation import blocking, missing, validate
from services.submissions.testing import bodies

CATALOGUE = compile_catalogue(1, bodies())
NOW = datetime(2016, 12, 1, tzinfo=UTC)


def cells(**values: str | None) -> dict[str, Cell]:
    return {code.replace("_", "."): Cell(value, "official", "hand", "p", NOW) for code, value in values.items()}


def codes(form: str, draft: dict[str, Cell]) -> list[str]:
    return [finding.code for finding in validate(draft, CATALOGUE.forms[form], CATALOGUE)]


def test_a_whole_draft_has_no_findings() -> None:
    assert codes("GD-NAM", cells(GD01="10", GD01_TH="5", GD01_THCS="3", GD01_THPT="2", GD02="7")) == []


def test_an_empty_draft_cannot_be_submitted() -> None:
    found = validate({}, CATALOGUE.forms["GD-NAM"], CATALOGUE)
    assert {finding.code for finding in blocking(found)} == {"V201", "V208"}
    assert missing({}, CATALOGUE.forms["GD-NAM"])[0] == "GD01"


def test_parts_that_do_not_add_up_are_an_error() -> None:
    assert codes("GD-NAM", cells(GD01="11", GD01_TH="5", GD01_THCS="3", GD01_THPT="2", GD02="7")) == ["V202"]


def test_some_parts_may_not_exceed_their_total() -> None:
    assert "V203" in codes("GD-NAM", cells(GD01="7", GD01_TH="5", GD01_THCS="3"))
    assert "V203" not in codes("GD-NAM", cells(GD01="8", GD01_TH="5", GD01_THCS="3"))


def test_a_part_where_nothing_occurred_adds_nothing() -> None:
    assert codes("GD-NAM", cells(GD01="8", GD01_TH="5", GD01_THCS="3", GD01_THPT=None, GD02="7")) == []


def test_rounded_parts_may_miss_their_total_by_their_rounding() -> None:
    entries = bodies()
    for code in ("GD01", "GD01.TH", "GD01.THCS", "GD01.THPT"):
        entries["indicator"][code] |= {"value_type": "decimal", "decimals": 1}
    catalogue = compile_catalogue(2, entries)

    def found(total: str) -> list[str]:
        draft = cells(GD01=total, GD01_TH="5.1", GD01_THCS="3.1", GD01_THPT="2.1", GD02="7")
        return [finding.code for finding in validate(draft, catalogue.forms["GD-NAM"], catalogue)]

    assert found("10.5") == []
    assert found("10.6") == ["V202"]


def test_a_derived_figure_that_was_given_must_agree_with_its_formula() -> None:
    entries = bodies()
    entries["form"]["NN-NAM"]["indicators"].append("NN01.NS")
    catalogue = compile_catalogue(2, entries)

    def found(given: str) -> set[str]:
        draft = cells(NN01_DT="30.0", NN01_SL="130.5", NN01_NS=given, NN02="5")
        return {finding.code for finding in validate(draft, catalogue.forms["NN-NAM"], catalogue)}

    assert found("43.5") == set()
    assert found("53.5") == {"V204"}


def test_a_formula_that_divides_by_zero_is_told() -> None:
    assert codes("NN-NAM", cells(NN01_DT="0", NN01_SL="1", NN02="5")) == ["V303"]


def test_an_open_conflict_blocks() -> None:
    draft = cells(GD01="10")
    draft["GD01"].conflict = (Pushed("11", "official"), Source("c", "r", Clock(NOW, "t"), NOW))
    assert "V205" in codes("GD-NAM", draft)


def test_figures_the_form_no_longer_has_or_that_no_longer_fit_block() -> None:
    assert "V206" in codes("GD-NAM", cells(GD01="10", NN02="1"))
    assert "V207" in codes("GD-NAM", cells(GD01="10.5"))


def test_a_negative_quantity_is_a_warning() -> None:
    found = validate(cells(GD01="-1"), CATALOGUE.forms["GD-NAM"], CATALOGUE)
    assert [f.severity for f in found if f.code == "V302"] == ["warning"]


def test_every_rule_is_documented_as_it_is() -> None:
    document = Path(__file__).parents[3] / "docs" / "validation.md"
    rows = [line for line in document.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert rows == [rule.row for rule in findings.RULES]


def test_no_two_rules_share_a_number() -> None:
    assert len({rule.code for rule in findings.RULES}) == len(findings.RULES) > 25
