"""Comparing level by level what a source states with what was received: what differs, and what is wanted next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.integration.domain.reconciliation import unequal
from shared.digest import Digest

LEVELS = ("root", "period", "form", "bucket")
"""From the whole down to one (form, unit, period)."""

READING, DIGESTS, VALUES, COMPARING = "reading", "digests", "values", "comparing"
"""Phases: the hub sums up what it received; it waits for digests; it waits for values; it judges."""

Group = tuple[str, str, str]
"""Period, form, unit in the source's codes; what lies above a level is the empty text."""


def differing(
    ours: Mapping[Group, Digest], theirs: Mapping[Group, Digest], parents: Collection[Group] | None, parent_level: str
) -> dict[Group, tuple[int, int]]:
    """Return the groups that differ, with the entries on our and on their side; below `parents` only, which differ at
    the level above that was compared last (None: none was)."""
    nothing = Digest()
    found = {}
    for group in sorted(unequal(ours, theirs)):
        if parents is None or cut(group, parent_level) in parents:
            found[group] = ours.get(group, nothing).count, theirs.get(group, nothing).count
    return found


def after(level: str, differ: bool) -> tuple[str, str]:
    """Return the phase that follows the comparison of a level, and the level that it is about."""
    if not differ:
        return COMPARING, level
    if level == LEVELS[-1]:
        return VALUES, level
    return DIGESTS, LEVELS[LEVELS.index(level) + 1]


def cut(group: Group, level: str) -> Group:
    """Return the group of a level that this one lies in."""
    depth = LEVELS.index(level)
    period, form, unit = (part if place < depth else "" for place, part in enumerate(group))
    return period, form, unit


def above(level: str, compared: Collection[str]) -> str | None:
    """Return the lowest level above this one that was compared."""
    return next((name for name in reversed(LEVELS[: LEVELS.index(level)]) if name in compared), None)
