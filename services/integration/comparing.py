"""Comparing the ledger with what a partner holds, and nothing else: no row is written here.

Three ways, by what the partner offers:
- `groups`: digests level by level (root, period, form), then parts of a form's keys, keys, groups of a key's entries;
  values are read only of groups that differ, several keys to a call;
- `keys`: the same without parts and groups, for a partner that does not know them: values of whole keys;
- `listing`: everything the partner lists, put aside page by page and joined with the ledger (listings.py).

A partner is asked outside every transaction. What moves on our side while it is asked is pending, not different.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from services.integration.clients import Client, about
from services.integration.clients.protocol import Listing, Searchable, Unanswered, Unknown
from services.integration.domain import classification
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell, Difference, Kind, differing, unequal
from services.integration.meanings import Meanings
from services.integration.storage import expected
from services.integration.storage.expected import Head
from shared.digest import Brief, Digest
from shared.storage import UnitOfWork

T = TypeVar("T")
P = ParamSpec("P")
Key = tuple[str, str, str]  # period, form, unit in the partner's codes
Ours = dict[str, tuple[str, Cell]]  # by the partner's indicator: the hub's, and what is expected

_READ_TRIES = 5
_PART_KEYS = 64
"""A form with more keys than this is searched by parts."""
_GROUP_ENTRIES = 24
"""A key with more entries than this is searched by groups."""
_SLICE = 20_000
"""Entries of ours that are compared at once: what bounds memory."""
_CALL = 50
"""Groups whose values one call asks for."""


@dataclass(slots=True, kw_only=True)
class Repair:
    """One key that differs: what we know of it, whether only the partner knows it, and, where the partner's version is
    newer, ours and theirs."""

    head: Head
    stranger: bool
    differences: list[Difference]
    versions: tuple[int, int] | None = None


@dataclass(slots=True)
class Found:
    """What one step of a comparison found: keys that differ, and how many could not be judged because deliveries of
    theirs are under way."""

    repairs: list[Repair] = field(default_factory=list)
    pending: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def differences(self) -> list[Difference]:
        """All differences, key by key."""
        return [item for repair in self.repairs for item in repair.differences]


class Comparer(Protocol):
    """One way of comparing. `method` names it, `entries` tells how many entries we compared."""

    entries: int

    @property
    def method(self) -> str:
        """The way's name."""

    def equal(self) -> bool:
        """Tell whether both sides are equal as a whole, as far as that is known without listing. Raises Unanswered."""

    def found(self) -> Iterator[Found]:
        """Yield what differs, step by step, in memory that does not grow with it. Raises Unanswered."""

    def again(self, keys: Sequence[Key]) -> Iterator[Found]:
        """Yield what differs among these keys alone. Raises Unanswered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a partner answered about one key: its entries in some of its groups (all, if `shares` is 1), and how many
    its digests count there."""

    unit: str
    shares: int
    chosen: tuple[int, ...]
    listing: Listing
    counted: int | None


class DigestComparer:
    """Compares by digests; looks below a key if the client can, until the partner does not know the question."""

    def __init__(self, unit: UnitOfWork, partner: Partner, client: Client) -> None:
        self._unit = unit
        self._partner = partner
        self._client = client
        self._search: Searchable | None = client if isinstance(client, Searchable) else None
        self._meanings = Meanings(unit, partner)
        self.entries = 0

    @property
    def method(self) -> str:
        """`groups`, or `keys` if the partner cannot be asked below a key."""
        return "keys" if self._search is None else "groups"

    def equal(self) -> bool:
        """Compare the roots."""
        theirs = asked(about("digests"), self._client.digests, "root")
        with self._unit() as unit:
            ours = expected.digests(unit.connection, self._partner.id, "root")
        self.entries = ours.get((None, None, None), Digest()).count
        return not unequal(ours, theirs)

    def found(self) -> Iterator[Found]:
        """Yield what differs, form by form."""
        with self._unit() as unit:
            waiting = expected.pending(unit.connection, self._partner.id)
            keys = expected.key_counts(unit.connection, self._partner.id)
        for period, _, _ in self._level("period"):
            for _, form, _ in self._level("form", period):
                if period is None or form is None:
                    continue
                units = self._units(period, form, keys.get((period, form), 0))
                moving = {unit for unit in units if (period, form, unit) in waiting}
                if moving:
                    yield Found(pending={(period, form, unit) for unit in moving})
                yield from self._compared(period, form, {unit: n for unit, n in units.items() if unit not in moving})

    def again(self, keys: Sequence[Key]) -> Iterator[Found]:
        """Yield what still differs among these keys: their groups' digests first, values only of what differs."""
        forms: dict[tuple[str, str], list[str]] = {}
        for period, form, theirs in keys:
            forms.setdefault((period, form), []).append(theirs)
        for (period, form), units in sorted(forms.items()):
            with self._unit() as unit:
                heads = expected.heads(unit.connection, self._partner.id, period, form, units)
            counts = {name: heads[name].count if name in heads else 0 for name in units}
            yield from self._compared(period, form, {name: (count, None) for name, count in counts.items()})

    # -- down to keys ----------------------------------------------------------------------------------------------

    def _level(
        self, level: str, period: str | None = None, form: str | None = None
    ) -> list[tuple[str | None, str | None, str | None]]:
        theirs = asked(about("digests", form=form, period=period), self._client.digests, level, period, form)
        with self._unit() as unit:
            ours = expected.digests(unit.connection, self._partner.id, level, period, form)
        return sorted(unequal(ours, theirs), key=lambda group: tuple(part or "" for part in group))

    def _units(self, period: str, form: str, keys: int) -> dict[str, tuple[int, int | None]]:
        """Return the partner's units whose keys differ: the entries of the longer side, and how many they count."""
        ours, theirs = self._by_part(period, form, keys) or self._all_units(period, form)
        nothing = Brief()
        return {
            name: (max(ours.get(name, nothing).count, theirs.get(name, nothing).count), theirs.get(name, nothing).count)
            for name in sorted(differing(ours, theirs, nothing))
        }

    def _all_units(self, period: str, form: str) -> tuple[dict[str, Brief], dict[str, Brief]]:
        theirs = asked(about("digests", form=form, period=period), self._client.digests, "bucket", period, form)
        with self._unit() as unit:
            ours = expected.digests(unit.connection, self._partner.id, "bucket", period, form)
        return _by_unit(ours), _by_unit(theirs)

    def _by_part(self, period: str, form: str, keys: int) -> tuple[dict[str, Brief], dict[str, Brief]] | None:
        search = self._search
        if search is None or keys <= _PART_KEYS:
            return None
        count = 2 * math.isqrt(keys)
        try:
            theirs = asked(about("digests", form=form, period=period), search.parts, period, form, count)
            with self._unit() as unit:
                ours = expected.part_digests(unit.connection, self._partner.id, period, form, count)
            parts = sorted(differing(ours, theirs, Brief()))
            there = (
                asked(about("digests", form=form, period=period), search.units, period, form, count, parts)
                if parts
                else {}
            )
            with self._unit() as unit:
                return expected.unit_digests(unit.connection, self._partner.id, period, form, count, parts), there
        except Unknown:
            self._search = None
            return None

    # -- below keys ------------------------------------------------------------------------------------------------

    def _compared(self, period: str, form: str, units: Mapping[str, tuple[int, int | None]]) -> Iterator[Found]:
        for names in _sliced({name: count for name, (count, _) in units.items()}):
            with self._unit() as unit:
                before = expected.heads(unit.connection, self._partner.id, period, form, names)
            readings = self._read(period, form, {name: units[name] for name in names})
            yield self._judged(period, form, before, readings)

    def _read(self, period: str, form: str, units: Mapping[str, tuple[int, int | None]]) -> list[Reading]:
        try:
            if self._search is not None:
                return self._searched(self._search, period, form, units)
        except Unknown:
            self._search = None
        return [
            Reading(
                name,
                1,
                (0,),
                asked(about("values", form=form, period=period), self._client.values, form, name, period),
                counted,
            )
            for name, (_, counted) in units.items()
        ]

    def _searched(
        self, search: Searchable, period: str, form: str, units: Mapping[str, tuple[int, int | None]]
    ) -> list[Reading]:
        sizes: dict[int, list[str]] = {}
        for name, (count, _) in units.items():
            sizes.setdefault(groups_for(count), []).append(name)
        readings: list[Reading] = []
        for groups, names in sorted(sizes.items()):
            if groups == 1:
                counts = {(name, 0): units[name][1] for name in names}
            else:
                counts = self._differing_groups(search, period, form, groups, names)
            chosen = sorted(counts)
            listings: dict[str, Listing] = {}
            for start in range(0, len(chosen), _CALL):
                some = chosen[start : start + _CALL]
                for name, listing in asked(
                    about("values", form=form, period=period), search.entries, period, form, groups, some
                ).items():
                    _merge(listings.setdefault(name, Listing()), listing)
            for name in names:
                mine = tuple(group for unit, group in chosen if unit == name)
                if mine:
                    told = [counts[name, group] for group in mine]
                    counted = None if None in told else sum(count or 0 for count in told)
                    readings.append(Reading(name, groups, mine, listings.get(name, Listing()), counted))
        return readings

    def _differing_groups(
        self, search: Searchable, period: str, form: str, groups: int, names: Sequence[str]
    ) -> dict[tuple[str, int], int | None]:
        theirs: dict[tuple[str, int], Brief] = {}
        for start in range(0, len(names), _CALL):
            theirs |= asked(
                about("digests", form=form, period=period),
                search.groups,
                period,
                form,
                groups,
                names[start : start + _CALL],
            )
        with self._unit() as unit:
            ours = expected.group_digests(unit.connection, self._partner.id, period, form, groups, names)
        nothing = Brief()
        return {place: theirs.get(place, nothing).count for place in differing(ours, theirs, nothing)}

    def _judged(self, period: str, form: str, before: Mapping[str, Head], readings: Sequence[Reading]) -> Found:
        names = [reading.unit for reading in readings]
        ours: dict[str, Ours] = {}
        with self._unit() as unit:
            for shares in {reading.shares for reading in readings}:
                chosen = [(item.unit, share) for item in readings if item.shares == shares for share in item.chosen]
                ours |= expected.cells(unit.connection, self._partner.id, period, form, chosen, shares)
            # Last, so that a key whose entries move while they are read is seen to have moved.
            after = expected.heads(unit.connection, self._partner.id, period, form, names)
        found = Found()
        judged: list[tuple[Head, bool, Reading]] = []
        for reading in readings:
            head, held = after.get(reading.unit), before.get(reading.unit)
            if head is None and held is None:
                stranger = self._meanings.stranger(period, form, reading.unit, reading.listing.version)
                judged.append((stranger, True, reading))
            elif head is None or held is None or _moved(held, head):
                found.pending.add((period, form, reading.unit))
            else:
                judged.append((head, False, reading))
        listed = [{code: item.listing.cells(code) for code in item.listing.values} for _, _, item in judged]
        sides = [
            (head, ours[item.unit], codes, item.listing.version)
            for (head, _, item), codes in zip(judged, listed, strict=True)
        ]
        for (head, stranger_there, reading), bucket in zip(judged, self._meanings.buckets(sides), strict=True):
            differences = classification.differences(bucket) or _counted_twice(bucket, reading)
            if differences:
                found.repairs.append(
                    Repair(head=head, stranger=stranger_there, differences=differences, versions=bucket.versions)
                )
        return found


def _moved(before: Head, after: Head) -> bool:
    """Tell whether a key's delivery was under way when the partner was asked, or is: it may list what was before."""
    return before.pending or after.pending or before.expected_version != after.expected_version


def _counted_twice(bucket: classification.Bucket, reading: Reading) -> list[Difference]:
    """Return the difference of a key of which the partner's digests count more entries than it lists."""
    if reading.counted is None or reading.counted <= len(reading.listing):
        return []
    told = f"{reading.counted} counted, {len(reading.listing)} listed"
    kind = Kind.DUPLICATE if bucket.versions is None else Kind.NEWER_VERSION
    return [Difference(bucket.form, bucket.unit, bucket.period, "", kind, None, told)]


def groups_for(entries: int) -> int:
    """Return into how many groups a key with so many entries is divided: about as many as each then has entries,
    because one of them is listed for all that are compared."""
    return 1 if entries <= _GROUP_ENTRIES else 1 << round(math.log2(entries) / 2)


def asked(topic: AbstractContextManager[None], question: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Ask, noting what it is about, and again for some seconds while there is no usable answer. Raises Unanswered."""
    with topic:
        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Unanswered) and not isinstance(error, Unknown)),
            stop=stop_after_attempt(_READ_TRIES),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2),
            reraise=True,
        )(question, *args, **named)


def _by_unit(digests: Mapping[tuple[str | None, str | None, str | None], Digest]) -> dict[str, Brief]:
    return {unit: digest.brief for (_, _, unit), digest in digests.items() if unit is not None}


def _sliced(counts: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield these units in order, so many at once that their entries stay within bounds."""
    some: list[str] = []
    size = 0
    for name, count in counts.items():
        if some and size + count > _SLICE:
            yield some
            some, size = [], 0
        some.append(name)
        size += count
    if some:
        yield some


def _merge(into: Listing, more: Listing) -> None:
    for code in more.values:
        for cell in more.cells(code):
            into.add(code, cell, more.version)
    into.version = max(into.version, more.version)
