"""State by event against a real database: deltas, gaps, snapshots that move, the cache."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from shared.contracts.events import CatalogueChanged, CatalogueEntry
from shared.contracts.views.catalogue import CataloguePage
from shared.errors import Unavailable
from shared.replica import Replica
from shared.storage import UnitOfWork


def unit_entry(name: str, body: dict[str, Any] | None = None, *, gone: bool = False) -> CatalogueEntry:
    return CatalogueEntry("unit", name, None if gone else body or {"name": name})


class Owner:
    """A catalogue of several pages that answers `read_catalogue`; `moves` are the readings after which it moves on."""

    def __init__(self, version: int, entries: list[CatalogueEntry], moves: set[int] | None = None) -> None:
        self.version, self.entries, self.moves = version, entries, moves or set()
        self.calls = 0

    def call(self, method: str, result: type[CataloguePage], /, **arguments: Any) -> CataloguePage:
        assert (method, result) == ("read_catalogue", CataloguePage)
        self.calls += 1
        start = int(arguments["after"] or 0)
        following = start + 2 if start + 2 < len(self.entries) else None
        page = CataloguePage(
            version=self.version,
            entries=self.entries[start : start + 2],
            next=None if following is None else str(following),
        )
        if self.calls in self.moves:
            self.version += 1
            self.entries = [*self.entries, unit_entry(f"new {self.version}")]
        return page


@pytest.fixture
def replica() -> Replica:
    return Replica("indicators", ["unit", "form"])


def test_deltas_are_applied_in_order_and_old_ones_ignored(units: UnitOfWork, replica: Replica) -> None:
    first = CatalogueChanged(version=1, entries=[unit_entry("A"), unit_entry("B")])
    second = CatalogueChanged(version=2, entries=[unit_entry("A", gone=True), unit_entry("B", {"name": "B2"})])
    with units() as unit:
        assert replica.apply(unit, first) == "applied"
        assert replica.apply(unit, second) == "applied"
        assert replica.apply(unit, first) == "old"
        assert replica.load(unit.connection) == (2, {"unit": {"B": {"name": "B2"}}, "form": {}})


def test_what_a_newer_version_keeps_beside_it_is_passed_over(units: UnitOfWork, replica: Replica) -> None:
    newer = Replica("indicators", ["unit", "form", "mood"])
    mood = CatalogueEntry(kind="mood", id="good", body={})
    with units() as unit:
        assert newer.apply(unit, CatalogueChanged(version=1, entries=[unit_entry("A"), mood])) == "applied"
        assert set(newer.load(unit.connection).entries["mood"]) == {"good"}
        assert set(replica.load(unit.connection).entries) == {"unit", "form"}


@pytest.mark.parametrize("event", [CatalogueChanged(version=2, entries=[]), CatalogueChanged(version=1, entries=None)])
def test_a_gap_changes_nothing(units: UnitOfWork, replica: Replica, event: CatalogueChanged) -> None:
    with units() as unit:
        assert replica.apply(unit, event) == "gap"
        assert replica.version(unit.connection) == 0


def test_kinds_nobody_asked_for_are_left_out(units: UnitOfWork, replica: Replica) -> None:
    with units() as unit:
        replica.apply(unit, CatalogueChanged(version=1, entries=[CatalogueEntry("regime", "R", {})]))
        assert replica.load(unit.connection) == (1, {"unit": {}, "form": {}})


def test_a_snapshot_replaces_everything(units: UnitOfWork, replica: Replica) -> None:
    owner = Owner(7, [unit_entry(name) for name in "ABCDE"])
    with units() as unit:
        replica.apply(unit, CatalogueChanged(version=1, entries=[unit_entry("Z")]))
        assert replica.refresh(unit, owner) == 7
        snapshot = replica.load(unit.connection)
    assert snapshot.version == 7
    assert sorted(snapshot.entries["unit"]) == list("ABCDE")
    assert owner.calls == 3


def test_a_snapshot_that_moves_is_read_again(units: UnitOfWork, replica: Replica) -> None:
    owner = Owner(7, [unit_entry(name) for name in "ABCDE"], moves={1, 3})
    with units() as unit:
        assert replica.refresh(unit, owner) == 9
        assert len(replica.load(unit.connection).entries["unit"]) == 7


def test_a_snapshot_that_never_stands_still_is_unavailable(units: UnitOfWork, replica: Replica) -> None:
    owner = Owner(7, [unit_entry(name) for name in "ABC"], moves=set(range(1, 100)))
    with pytest.raises(Unavailable), units() as unit:
        replica.refresh(unit, owner)


def test_a_late_snapshot_does_not_take_a_newer_copy_back(units: UnitOfWork, replica: Replica) -> None:
    with units() as unit:
        replica.apply(unit, CatalogueChanged(version=1, entries=[unit_entry("A")]))
        replica.apply(unit, CatalogueChanged(version=2, entries=[unit_entry("B")]))
        assert replica.refresh(unit, Owner(1, [unit_entry("A")])) == 2
        assert sorted(replica.load(unit.connection).entries["unit"]) == ["A", "B"]


def test_the_cache_follows_the_version(units: UnitOfWork, engine: Engine, replica: Replica) -> None:
    with units() as unit:
        replica.apply(unit, CatalogueChanged(version=1, entries=[unit_entry("A")]))
    with engine.connect() as connection:
        first = replica.cached(connection)
        assert replica.cached(connection) is first
    with units() as unit:
        replica.apply(unit, CatalogueChanged(version=2, entries=[unit_entry("B")]))
    with engine.connect() as connection:
        assert sorted(replica.cached(connection).entries["unit"]) == ["A", "B"]
