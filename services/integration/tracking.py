"""Keeping the lives of differences: what a comparison found, what it no longer finds, what repairs came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.integration.domain.difference_life import Life, born
from services.integration.domain.ledger import Key
from services.integration.domain.partners import ZONE, Partner
from services.integration.domain.reconciliation import Difference, Direction, Place
from services.integration.storage import differences
from services.integration.storage.differences import Known
from shared.storage import Unit

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Course:
    """One reconciliation as its differences see it: with whom, which way, under which number, and who is to look."""

    direction: Direction
    partner: str
    reconciliation: int
    owner: str = ""

    @classmethod
    def towards(cls, partner: Partner, reconciliation: int) -> Course:
        """Return the course towards a receiver; its focal agency is to look."""
        owner = "" if partner.permission is None else partner.permission.focal_agency
        return cls(Direction.RECEIVER, partner.id, reconciliation, owner)


def seen(unit: Unit, course: Course, found: Sequence[Difference]) -> dict[Place, Life]:
    """Write that these were found and return their lives; those that this run wrote before stay as they are."""
    known = differences.of(unit.connection, course.direction, course.partner, [item.place for item in found])
    today = unit.now.astimezone(ZONE).date()
    lives: dict[Place, Life] = {}
    fresh: dict[Place, Life] = {}
    for item in found:
        held = known.get(item.place)
        if held is None:
            fresh[item.place] = born(item, unit.now, course.owner)
        elif held.reconciliation != course.reconciliation:
            fresh[item.place] = held.life.seen(item, unit.now, today)
        else:
            lives[item.place] = held.life
    _save(unit, course, fresh)
    return lives | fresh


def changed(unit: Unit, course: Course, places: Collection[Place], change: Callable[[Life], Life]) -> dict[Place, Life]:
    """Change the lives at these places and return them."""
    known = differences.of(unit.connection, course.direction, course.partner, places)
    lives = {place: change(held.life) for place, held in known.items()}
    _save(unit, course, lives)
    return lives


def settle_unseen(unit: Unit, course: Course, compared: Callable[[Place], bool] = lambda _place: True) -> int:
    """Write, after everything for which `compared` holds was compared, that what was not found is gone; return how
    many."""

    def page(after: int) -> list[Known]:
        return differences.unseen(
            unit.connection, course.direction, course.partner, course.reconciliation, after, _PAGE
        )

    gone = 0
    for known in _pages(page):
        settled = {item.place: item.life.gone(unit.now) for item in known if compared(item.place)}
        _save(unit, course, settled)
        gone += len(settled)
    return gone


def begin_repairs(unit: Unit, course: Course, keys: Collection[Key]) -> None:
    """Write that the repair of these keys has begun, for everything that this reconciliation found in them."""

    def page(after: int) -> list[Known]:
        return differences.repairable(
            unit.connection, course.direction, course.partner, course.reconciliation, after, _PAGE
        )

    for known in _pages(page):
        _save(unit, course, {item.place: item.life.repair_begun() for item in known if item.place[:3] in keys})


def judge_repairs(
    unit: Unit, course: Course, left: Mapping[Place, Difference], read_again: Callable[[Place], bool]
) -> None:
    """Write what repairs came to: what is left was not helped, and what was read again and is not left is gone."""
    today = unit.now.astimezone(ZONE).date()
    for known in _pages(
        lambda after: differences.under_repair(unit.connection, course.direction, course.partner, after, _PAGE)
    ):
        lives: dict[Place, Life] = {}
        for item in known:
            if item.place in left:
                lives[item.place] = item.life.seen(left[item.place], unit.now, today)
            elif read_again(item.place):
                lives[item.place] = item.life.gone(unit.now)
        _save(unit, course, lives)
    seen(unit, course, [item for place, item in left.items()])


def _pages(page: Callable[[int], list[Known]]) -> Iterator[list[Known]]:
    after = 0
    while found := page(after):
        yield found
        after = found[-1].id


def _save(unit: Unit, course: Course, lives: Mapping[Place, Life]) -> None:
    differences.save(unit.connection, course.direction, course.partner, course.reconciliation, lives)
