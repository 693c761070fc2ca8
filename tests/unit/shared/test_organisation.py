"""Units through reforms: who came from whom and with which share, the tree as of a day, codes as of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalogue
from shared.catalogue.organisation import Organisation
from shared.catalogue.rollup import added
from shared.catalogue.succession import Lineage, Part
from shared.catalogue.units import Code, Name, Parent, Succession, Unit

REFORM = date(2025, 7, 1)
BEFORE = date(2025, 6, 30)
FIRST = date(2000, 1, 1)


@pytest.fixture(scope="module")
def lai_chau() -> Organisation:
    return Organisation(msgspec.convert(catalogue.read()["units"], list[Unit]))


def unit(unit_id: str, *successors: Succession, begun: date | None = None, ended: date | None = None) -> Unit:
    return Unit(id=unit_id, name=unit_id, kind="commune", valid_from=begun, valid_to=ended, successors=list(successors))


def went(to: str | None, on: date, share: str | None = None) -> Succession:
    return Succession(id=to, how="merged" if share is None else "split", on=on, share=share)


def together(lineage: Lineage, values: Mapping[str, Decimal]) -> Decimal | None:
    """Return the parts' values added up by share; None where there is no part, or one has no value."""
    if not lineage.parts or any(part.unit not in values for part in lineage.parts):
        return None
    return added((values[part.unit], part.share) for part in lineage.parts)


# -- lineage ---------------------------------------------------------------------------------------------------------


def test_a_merged_commune_is_compared_with_all_it_was_made_of(lai_chau: Organisation) -> None:
    lineage = lai_chau.lineage("LC-X03388-2025", date(2024, 12, 31), date(2025, 12, 31))
    assert [lai_chau.name(part.unit, lineage.day) for part in lineage.parts] == [
        "Phường Quyết Thắng",
        "Phường Quyết Tiến",
        "Phường Đoàn Kết",
        "Xã Sùng Phài",
        "Xã San Thàng",
    ] or len(lineage.parts) == 5
    assert lineage.is_exact
    assert not lineage.is_itself
    assert lineage.through == (REFORM,)


@pytest.mark.parametrize("untouched", ["LC-X03451-2004", "LC-X03463-2004"])
def test_an_untouched_commune_is_compared_with_itself(lai_chau: Organisation, untouched: str) -> None:
    lineage = lai_chau.lineage(untouched, date(2024, 12, 31), date(2025, 12, 31))
    assert lineage.is_itself
    assert lineage.through == ()


def test_the_new_muong_than_is_not_the_old_one(lai_chau: Organisation) -> None:
    new, old = "LC-X03618-2025", "LC-X03619-2004"
    assert lai_chau.name(new, REFORM) == lai_chau.name(old, BEFORE) == "Xã Mường Than"
    assert {lai_chau.name(part.unit, BEFORE) for part in lai_chau.lineage(new, BEFORE).parts} == {
        "Xã Mường Mít",
        "Xã Phúc Than",
    }
    assert [part.unit for part in lai_chau.successions.descendants(old, BEFORE).parts] == ["LC-X03595-2025"]
    assert lai_chau.name("LC-X03595-2025", REFORM) == "Xã Than Uyên"


def test_the_38_communes_are_made_of_the_106_each_once(lai_chau: Organisation) -> None:
    before, since = lai_chau.at(BEFORE).of_kind("commune"), lai_chau.at(REFORM).of_kind("commune")
    parts = [part.unit for commune in since for part in lai_chau.lineage(commune, BEFORE).parts]
    assert (len(before), len(since)) == (106, 38)
    assert sorted(parts) == sorted(before)


def test_between_reforms_nothing_has_to_be_rolled_up(lai_chau: Organisation) -> None:
    assert lai_chau.lineage("LC-X03388-2025", REFORM, date(2026, 7, 1)).is_itself
    assert lai_chau.lineage("LC-X03388-2004", date(2023, 1, 1), date(2024, 1, 1)).is_itself


def test_a_unit_that_takes_others_in_is_made_of_itself_and_them() -> None:
    organisation = Organisation([unit("A"), unit("B", went("A", REFORM), ended=REFORM)])
    assert organisation.lineage("A", BEFORE).parts == (Part("A", Decimal(1)), Part("B", Decimal(1)))
    assert organisation.lineage("A", REFORM).is_itself


def test_shares_of_a_split_are_estimates_through_later_reforms_too() -> None:
    second = date(2026, 1, 1)
    organisation = Organisation(
        [
            unit("A", went("A", REFORM, "0.6"), went("B", REFORM, "0.4")),
            unit("B", went("C", second), begun=REFORM, ended=second),
            unit("D", went("C", second), ended=second),
            unit("C", begun=second),
        ]
    )
    lineage = organisation.lineage("C", BEFORE)
    assert lineage.parts == (Part("A", Decimal("0.4")), Part("D", Decimal(1)))
    assert not lineage.is_exact
    assert lineage.through == (REFORM, second)
    assert together(lineage, {"A": Decimal(100), "D": Decimal(7)}) == 47
    assert together(lineage, {"A": Decimal(100)}) is None
    assert organisation.lineage("A", BEFORE).parts == (Part("A", Decimal("0.6")),)
    assert organisation.successions.descendants("A", BEFORE).parts == (
        Part("A", Decimal("0.6")),
        Part("C", Decimal("0.4")),
    )


def test_parts_that_come_together_again_are_exact_again() -> None:
    second = date(2026, 1, 1)
    organisation = Organisation(
        [
            unit("A", went("B", REFORM, "0.3"), went("C", REFORM, "0.7"), ended=REFORM),
            unit("B", went("D", second), begun=REFORM, ended=second),
            unit("C", went("D", second), begun=REFORM, ended=second),
            unit("D", begun=second),
        ]
    )
    assert organisation.lineage("D", BEFORE).is_exact


def test_what_nobody_came_from_has_no_earlier_figure() -> None:
    organisation = Organisation([unit("A", went(None, REFORM), ended=REFORM), unit("B", begun=REFORM)])
    lineage = organisation.lineage("B", BEFORE)
    assert (lineage.parts, lineage.is_itself, together(lineage, {})) == ((), False, None)
    assert organisation.successions.descendants("A", BEFORE).parts == ()


@dataclass
class World:
    """Units that merge and split day by day, as drawn by hypothesis."""

    standing: list[str]
    born: dict[str, date | None] = field(default_factory=dict)
    ended: dict[str, date] = field(default_factory=dict)
    edges: dict[str, list[Succession]] = field(default_factory=dict)
    day: date = FIRST

    def merge(self, chosen: list[str], keep: bool) -> None:
        into = chosen[0] if keep else self._new()
        for each in chosen:
            if each != into:
                self._leave(each, [went(into, self.day)])

    def split(self, chosen: str, percent: int, keep: bool) -> None:
        into = [chosen if keep else self._new(), self._new()]
        shares = [Decimal(percent) / 100, 1 - Decimal(percent) / 100]
        edges = [went(to, self.day, str(share)) for to, share in zip(into, shares, strict=True)]
        if keep:
            self.edges.setdefault(chosen, []).extend(edges)
        else:
            self._leave(chosen, edges)

    def units(self) -> list[Unit]:
        return [
            unit(each, *self.edges.get(each, []), begun=begun, ended=self.ended.get(each))
            for each, begun in self.born.items()
        ]

    def _new(self) -> str:
        name = f"U{len(self.born)}"
        self.born[name] = self.day
        self.standing.append(name)
        return name

    def _leave(self, each: str, edges: list[Succession]) -> None:
        self.edges.setdefault(each, []).extend(edges)
        self.ended[each] = self.day
        self.standing.remove(each)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[str]]:
    begun = [f"U{number}" for number in range(draw(st.integers(1, 5)))]
    world = World(list(begun), dict.fromkeys(begun))
    for _ in range(draw(st.integers(0, 6))):
        world.day += timedelta(days=draw(st.integers(1, 400)))
        chosen = draw(st.lists(st.sampled_from(world.standing), min_size=1, max_size=3, unique=True))
        if len(chosen) > 1:
            world.merge(chosen, keep=draw(st.booleans()))
        else:
            world.split(chosen[0], draw(st.integers(1, 99)), keep=draw(st.booleans()))
    return world, begun


@given(worlds())
def test_the_shares_of_all_descendants_add_up_to_the_whole_unit(drawn: tuple[World, list[str]]) -> None:
    world, begun = drawn
    successions = Organisation(world.units()).successions
    for each in begun:
        assert sum(part.share for part in successions.descendants(each, FIRST).parts) == 1


@given(worlds(), st.lists(st.decimals(0, 10_000, places=2), min_size=5, max_size=5))
def test_parts_roll_up_to_the_same_total_through_any_reform(
    drawn: tuple[World, list[str]], figures: list[Decimal]
) -> None:
    world, begun = drawn
    organisation = Organisation(world.units())
    values = dict(zip(begun, figures, strict=False))
    earlier = [together(organisation.lineage(each, FIRST), values) for each in world.standing]
    assert sum(value for value in earlier if value is not None) == sum(values.values())


@given(worlds())
def test_who_came_from_whom_reads_the_same_in_both_directions(drawn: tuple[World, list[str]]) -> None:
    world, begun = drawn
    organisation = Organisation(world.units())
    back = {
        (part.unit, each): part.share for each in world.standing for part in organisation.lineage(each, FIRST).parts
    }
    forth = {
        (each, part.unit): part.share
        for each in begun
        for part in organisation.successions.descendants(each, FIRST).parts
    }
    assert back == forth


# -- the tree and the codes as of a day ------------------------------------------------------------------------------


def test_the_tree_is_that_of_the_day(lai_chau: Organisation) -> None:
    assert lai_chau.path("LC-X03451-2004", BEFORE) == ("LC-X03451-2004", "LC-H107", "LC")
    assert lai_chau.path("LC-X03451-2004", REFORM) == ("LC-X03451-2004", "LC")
    assert "LC-X03451-2004" in lai_chau.children("LC-H107", BEFORE)
    assert lai_chau.children("LC-H107", REFORM) == ()
    assert lai_chau.under("LC-H107", BEFORE) < lai_chau.under("LC", BEFORE)
    assert "LC-X03388-2004" not in lai_chau.under("LC", REFORM)


def test_what_does_not_stand_has_no_place_in_the_tree(lai_chau: Organisation) -> None:
    assert "LC-X03388-2025" not in lai_chau.at(BEFORE)
    assert lai_chau.path("LC-X03388-2025", BEFORE) == lai_chau.path("nobody", REFORM) == ()
    assert lai_chau.name("nobody", REFORM) is None


def test_a_unit_bears_the_name_and_type_of_the_day() -> None:
    renamed = Unit(
        id="A",
        name="Phường Mới",
        kind="commune",
        type_vi="phường",
        names=[
            Name(name="Xã Cũ", type_vi="xã", valid_to=REFORM),
            Name(name="Phường Mới", type_vi="phường", valid_from=REFORM),
        ],
        parents=[Parent(parent="B", valid_to=REFORM), Parent(parent=None, valid_from=REFORM)],
    )
    organisation = Organisation([renamed, unit("B")])
    assert (organisation.name("A", BEFORE), organisation.at(BEFORE).type_vi("A")) == ("Xã Cũ", "xã")
    assert (organisation.name("A", REFORM), organisation.at(REFORM).type_vi("A")) == ("Phường Mới", "phường")
    assert (organisation.at(BEFORE).parent("A"), organisation.at(REFORM).parent("A")) == ("B", None)


def test_a_reused_code_means_the_unit_of_the_day(lai_chau: Organisation) -> None:
    assert lai_chau.resolve("gso:03388", BEFORE) == "LC-X03388-2004"
    assert lai_chau.resolve("gso:03388", REFORM) == "LC-X03388-2025"
    assert lai_chau.bearers("gso:03388") == ["LC-X03388-2004", "LC-X03388-2025"]
    assert lai_chau.resolve("LC-X03388-2004", REFORM) is None
    assert lai_chau.resolve("gso:99999", REFORM) is None


@pytest.mark.parametrize("scheme", ["qd20", "qcvn102"])
@pytest.mark.parametrize("held", ["H35.99", "000.00.99.H35"])  # made up: no department's code is known
@pytest.mark.parametrize("asked", ["qd20:H35.99", "qcvn102:000.00.99.H35", "qd20:000.00.99.H35", "qcvn102:H35.99"])
def test_an_identifier_finds_its_unit_in_either_order(scheme: str, held: str, asked: str) -> None:
    agency = Unit(id="A", name="Sở", kind="agency", codes=[Code(scheme=scheme, code=held)])
    assert Organisation([agency]).resolve(asked, REFORM) == "A"
