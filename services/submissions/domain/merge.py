"""How a pushed or rolled up figure meets the cell it is for. Pure, and for pushes the same whatever their order.

A cell remembers the clock (acceptance time, tie-breaker) of the newest push it has seen, even if that push changed
nothing or met a hand entry, so that an older one arriving later is always recognised. What comes by one road never
overwrites what came by another: neither a push nor a roll-up a figure entered by hand, nor one of these the other. It
is kept beside the figure as a conflict until a person chooses. There is room for one: a push takes the place of a
roll-up, which can be repeated at any time, and never the reverse.

There are thousands of these for one push, so they are Structs: made in a third of a dataclass's time.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

PUSH, HAND, ROLLUP = "push", "hand", "rollup"
ORIGINS = (HAND, PUSH, ROLLUP)
ACCEPTED, UNCHANGED, SUPERSEDED, CONFLICT, REFUSED = "accepted", "unchanged", "superseded", "conflict", "refused"
OUTCOMES = (ACCEPTED, UNCHANGED, REFUSED, SUPERSEDED, CONFLICT)


class Clock(NamedTuple):
    """When the gateway accepted a push, and a tie-breaker; compared in this order."""

    accepted_at: datetime
    tie_breaker: str


class Pushed(msgspec.Struct, frozen=True, gc=False):
    """A value that a push brings: decimal text in normal form, or None for "không phát sinh". `label` names the row of
    an open list."""

    value: str | None
    status: str
    label: str | None = None


class Source(msgspec.Struct, frozen=True):
    """The push a value comes from: who sent it, under which receipt, when it was accepted, when it took effect. Of a
    roll-up: who asked for it and when, without a receipt."""

    by: str
    receipt_id: str | None
    clock: Clock
    at: datetime
    origin: str = PUSH


class Cell(msgspec.Struct):
    """One figure of a draft. Mutable on purpose: intake merges thousands of pushes into few cells.

    `clock` is the newest push seen, None if none ever came. `removed` cells are gone for every reader and only keep
    their clock. `conflict` is a push or roll-up that met a figure of another origin.
    """

    value: str | None
    status: str
    origin: str
    by: str
    at: datetime
    receipt_id: str | None = None
    clock: Clock | None = None
    version: int = 1
    removed: bool = False
    conflict: tuple[Pushed, Source] | None = None
    label: str | None = None

    def holds(self, pushed: Pushed) -> bool:
        """Tell whether the cell shows exactly this value."""
        same = self.value == pushed.value and self.status == pushed.status and self.label == pushed.label
        return same and not self.removed


def rolled(value: Pushed, source: Source) -> Cell:
    """Return the cell that a roll-up makes where there was none."""
    return Cell(value.value, value.status, ROLLUP, source.by, source.at)


def fresh(pushed: Pushed, source: Source) -> Cell:
    """Return the cell that a push makes where there was none."""
    cell = Cell(pushed.value, pushed.status, PUSH, source.by, source.at, source.receipt_id, source.clock)
    if pushed.label is not None:
        cell.label = pushed.label
    return cell


def merge(cell: Cell, pushed: Pushed, source: Source) -> str:
    """Let a push meet a cell and return the outcome; the cell changes in place unless the push is superseded."""
    if cell.clock is not None and source.clock <= cell.clock:
        return SUPERSEDED
    cell.clock = source.clock
    same = cell.holds(pushed)
    if cell.origin != PUSH and not cell.removed:
        if not same:
            cell.conflict = (pushed, source)
            cell.version += 1
            return CONFLICT
        if cell.conflict is not None and cell.conflict[1].origin == PUSH:
            cell.conflict = None
        return UNCHANGED
    if same:
        return UNCHANGED
    _replace(cell, pushed, source)
    return ACCEPTED


def roll_up(cell: Cell, rolled: Pushed, source: Source) -> str:
    """Let a roll-up meet a cell and return the outcome. The clock stays: it tells the order of pushes."""
    same, waiting = cell.holds(rolled), cell.conflict
    if cell.origin == ROLLUP or cell.removed:
        if same:
            return UNCHANGED
        _replace(cell, rolled, source)
        return ACCEPTED
    if waiting is not None and waiting[1].origin == PUSH:
        return UNCHANGED if same else CONFLICT
    if same:
        if waiting is not None:
            cell.conflict = None
            cell.version += 1
        return UNCHANGED
    if waiting is None or waiting[0] != rolled:
        cell.conflict = (rolled, source)
        cell.version += 1
    return CONFLICT


def _replace(cell: Cell, value: Pushed, source: Source) -> None:
    # What came by another road and waits for a person waits on, unless both agree now.
    waiting = cell.conflict
    take(cell, value, source)
    if waiting is not None and waiting[0] != value:
        cell.conflict = waiting


def take(cell: Cell, pushed: Pushed, source: Source) -> None:
    """Put the value into the cell, with where it comes from."""
    cell.value, cell.status, cell.label = pushed.value, pushed.status, pushed.label
    cell.origin, cell.by, cell.at, cell.receipt_id = source.origin, source.by, source.at, source.receipt_id
    cell.removed, cell.conflict = False, None
    cell.version += 1


def enter(cell: Cell, pushed: Pushed, by: str, at: datetime) -> None:
    """Put a value a person typed into the cell. It settles a conflict: who types has seen the pushed value."""
    cell.value, cell.status, cell.label = pushed.value, pushed.status, pushed.label
    cell.origin, cell.by, cell.at, cell.receipt_id = HAND, by, at, None
    cell.removed, cell.conflict = False, None
    cell.version += 1


def remove(cell: Cell, by: str, at: datetime) -> None:
    """Empty the cell. A push accepted before this moment no longer fills it."""
    moment = Clock(at, "")
    cell.clock = moment if cell.clock is None else max(cell.clock, moment)
    cell.removed, cell.conflict = True, None
    cell.by, cell.at = by, at
    cell.version += 1


def entered(value: Pushed, by: str, at: datetime) -> Cell:
    """Return the cell that a person fills where there was none."""
    return Cell(value.value, value.status, HAND, by, at, label=value.label)


def settle(cell: Cell, keep: str) -> None:
    """Decide a conflict: take what came beside the figure if it is of the origin `keep`, else leave the figure as it
    is. Without a conflict nothing happens."""
    if cell.conflict is None:
        return
    beside, source = cell.conflict
    if keep == source.origin:
        take(cell, beside, source)
    else:
        cell.conflict = None
        cell.version += 1
