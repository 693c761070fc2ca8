"""Every difference has exactly one class, and the life of one goes by its rules."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub import docs
from services.integration.domain.classification import (
    RULES,
    Bucket,
    Evidence,
    classify,
    differences,
    differs,
    rounded,
    scaled,
)
from services.integration.domain.difference_life import OPEN, Acceptance, Life, Standing, born
from services.integration.domain.reconciliation import Cell, Difference, Kind
from shared.digest import share_of
from shared.errors import Conflict

VALUES = st.sampled_from(
    [None, "0", "7", "8", "70", "7.25", "7.3", "7.2", "0.07", "-7", "12.5", "12", "13", "x", "1e3"]
)
CELLS = st.builds(Cell, VALUES, st.sampled_from(["official", "estimate"]))
EVIDENCE = st.builds(
    Evidence,
    expected=st.one_of(st.none(), CELLS),
    found=st.lists(CELLS, max_size=2).map(tuple),
    earlier=st.frozensets(CELLS, max_size=3),
    mapped=st.booleans(),
    due=st.booleans(),
    factors=st.just((Decimal("0.5"),)),
)


@given(EVIDENCE)
def test_what_differs_has_exactly_one_class_and_what_does_not_has_none(evidence: Evidence) -> None:
    kind = classify(evidence)
    assert (kind is None) is not differs(evidence)
    if kind is None:
        return
    kinds = [name for name, _ in RULES]
    assert len(set(kinds)) == len(kinds) and classify(evidence) is kind
    before = RULES[: kinds.index(kind)]
    assert dict(RULES)[kind](evidence) and not any(holds(evidence) for _, holds in before)


@pytest.mark.parametrize(
    ("expected", "found", "how", "kind"),
    [
        ("7", ["7", "7"], {}, Kind.DUPLICATE),
        ("7", ["7", "8"], {}, Kind.DUPLICATE),
        (None, ["7"], {"mapped": False}, Kind.MAPPING_GAP),
        ("7", [], {}, Kind.MISSING_THERE),
        (None, ["7"], {"due": False}, Kind.STALE_THERE),
        (None, ["9"], {"earlier": {Cell("8", "official")}}, Kind.STALE_THERE),
        (None, ["7"], {}, Kind.MISSING_HERE),
        ("7", ["70"], {"earlier": {Cell("70", "official")}}, Kind.OLDER_VERSION),
        ("7", ["7"], {"status": "estimate"}, Kind.STATUS),
        ("7", ["0.07"], {}, Kind.UNIT_SCALE),
        ("7.5", ["15"], {"factors": [Decimal(2)]}, Kind.UNIT_SCALE),
        ("7.5", ["15"], {}, Kind.VALUE),
        ("7.25", ["7.3"], {}, Kind.ROUNDING),
        ("7.25", ["7.2"], {}, Kind.ROUNDING),
        ("7", ["7.4"], {}, Kind.ROUNDING),
        ("7.25", ["7.4"], {}, Kind.VALUE),
        ("7", ["-7"], {}, Kind.VALUE),
        ("0", ["7"], {}, Kind.VALUE),
        (None, ["không"], {}, Kind.MISSING_HERE),
    ],
)
def test_the_class_of(expected: str | None, found: list[str], how: dict[str, object], kind: Kind) -> None:
    status = str(how.pop("status", "official"))
    ours = None if expected is None else Cell(expected, "official")
    evidence = Evidence(expected=ours, found=tuple(Cell(value, status) for value in found), **how)  # type: ignore[arg-type]  # by table
    assert classify(evidence) is kind


@given(st.decimals("-1e9", "1e9", places=4), st.integers(-6, 6))
def test_a_power_of_ten_is_a_scale_and_nothing_else_is(value: Decimal, power: int) -> None:
    shifted = value.scaleb(power)
    assert scaled(str(value), format(shifted, "f")) is (bool(value) and power != 0)
    assert not scaled(str(value), str(value + 1)) or (value + 1) in {value.scaleb(n) for n in range(-15, 16)}


DECIMALS = st.integers(0, 4).flatmap(lambda places: st.decimals("-50", "50", places=places))


@given(DECIMALS, st.integers(0, 3), DECIMALS)
def test_rounding_goes_both_ways_and_never_as_far_as_one_unit_of_the_coarser(
    value: Decimal, decimals: int, other: Decimal
) -> None:
    coarse = round(value, decimals)
    assert rounded(str(value), str(coarse)) is (value != coarse) is rounded(str(coarse), str(value))
    if rounded(str(value), str(other)):
        coarser = min(-int(Decimal(format(each, "f")).normalize().as_tuple().exponent) for each in (value, other))
        assert abs(value - other) < Decimal(1).scaleb(-max(coarser, 0))


BUCKETS = st.dictionaries(st.sampled_from("abcdef"), CELLS)


@given(BUCKETS, st.dictionaries(st.sampled_from("abcdef"), st.lists(CELLS, min_size=1, max_size=2)))
def test_a_bucket_differs_exactly_where_it_is_not_what_is_expected(
    ours: dict[str, Cell], theirs: dict[str, list[Cell]]
) -> None:
    found = differences(Bucket(form="F", unit="U", period="P", expected=ours, found=theirs))
    differing = {
        name for name in ours.keys() | theirs.keys() if theirs.get(name, []) != ([ours[name]] if name in ours else [])
    }
    assert [item.indicator for item in found] == sorted(differing)
    assert (
        differences(Bucket(form="F", unit="U", period="P", expected=ours, found={k: [v] for k, v in ours.items()}))
        == []
    )


def test_the_integrators_example_of_shares_is_how_the_hub_divides() -> None:
    guide = (docs.ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", guide.partition("## Being compared")[2], re.DOTALL | re.MULTILINE)
    known: dict[str, Any] = {}
    exec(block.partition("print(")[0], known)  # noqa: S102 -- our own guide
    assert all(known["share"](code, n) == share_of(code, n) for code in ("12", "GD06", "Đ") for n in (1, 8, 45))


class Lives(RuleBasedStateMachine):
    """Whatever happens to a difference, in whatever order: its state tells what happened last."""

    @initialize()
    def first(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.life: Life = born(self.found("8"), self.at, "LC-VP")
        self.sightings, self.proofs_then_seen = 1, 0

    @staticmethod
    def found(value: str) -> Difference:
        return Difference("F", "U", "P", "I", Kind.VALUE, "7", value)

    def tried(self, change: str, allowed: tuple[Standing, ...], *given: object) -> None:
        if self.life.state in allowed:
            self.life = getattr(self.life, change)(*given)
        else:
            with pytest.raises(Conflict):
                getattr(self.life, change)(*given)

    @rule(value=st.sampled_from("89"), days=st.integers(0, 20))
    def seen(self, value: str, days: int) -> None:
        self.at += timedelta(days=days)
        before = self.life
        self.life = before.seen(self.found(value), self.at, self.at.date())
        self.sightings += 1
        if before.state is Standing.REPAIRED:
            self.proofs_then_seen += 1
            assert self.life.state is Standing.RECURRING
        if before.state is Standing.ACCEPTED:
            covered = (
                value == before.found and before.acceptance is not None and self.at.date() <= before.acceptance.until
            )
            assert (self.life.state is Standing.ACCEPTED) is covered

    @rule()
    def repair(self) -> None:
        self.tried("repair_begun", (Standing.NEW, Standing.RECURRING))

    @rule()
    def leave_to_owner(self) -> None:
        self.tried("left_to_owner", (Standing.NEW, Standing.RECURRING))

    @rule()
    def read_again_and_still_there(self) -> None:
        self.tried("still_there", (Standing.REPAIRING,))

    @rule()
    def read_again_and_gone(self) -> None:
        self.tried("gone", OPEN, self.at)

    @rule(days=st.integers(0, 10))
    def accept(self, days: int) -> None:
        until: date = self.at.date() + timedelta(days=days)
        word = Acceptance(by="person:a", reason="làm tròn", until=until)
        self.tried("accepted", (Standing.NEW, Standing.RECURRING, Standing.ACCEPTED), word)

    @rule()
    def reopen(self) -> None:
        self.tried("reopened", (Standing.ACCEPTED,))

    @precondition(lambda self: self.life.state in OPEN)
    @rule()
    def assign(self) -> None:
        self.life = self.life.assigned("LC-SGDDT")

    @invariant()
    def is_consistent(self) -> None:
        life = self.life
        assert life.times_seen == self.sightings and life.recurrences == self.proofs_then_seen
        assert (life.acceptance is not None) is (life.state is Standing.ACCEPTED)
        assert (life.settled_at is not None) is (life.state is Standing.REPAIRED)
        assert not life.task or life.repairable
        assert life.state is not Standing.RECURRING or life.recurrences > 0
        assert life.state is not Standing.NEW or life.recurrences == 0
        assert life.first_seen <= life.last_seen


TestLives = Lives.TestCase
