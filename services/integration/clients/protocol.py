"""What every client offers, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from services.integration.domain.delivery import Answer
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from shared.digest import Brief, Digest

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A longer answer is not read to its end: it counts as malformed."""


class Unanswered(Exception):
    """A question (digests, values) got no usable answer; asking again later may help."""


class Unknown(Unanswered):
    """The partner does not know this question: it has to be asked more coarsely, and asking again cannot help."""


@dataclass(slots=True)
class Cost:
    """What questions have cost so far."""

    calls: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Listing:
    """What a partner holds for one of its keys: values by its indicator codes, and the version it names."""

    values: dict[str, Cell] = field(default_factory=dict)
    version: int = 0
    repeated: dict[str, list[Cell]] = field(default_factory=dict)
    """What stands under a code beyond the first time."""

    def add(self, code: str, cell: Cell, version: int = 0) -> None:
        """Take one more value in, as the partner lists it."""
        if code in self.values:
            self.repeated.setdefault(code, []).append(cell)
        else:
            self.values[code] = cell
        self.version = max(self.version, version)

    def cells(self, code: str) -> tuple[Cell, ...]:
        """Return everything that stands under a code."""
        return (self.values[code], *self.repeated.get(code, ())) if code in self.values else ()

    def __len__(self) -> int:
        return len(self.values) + sum(len(more) for more in self.repeated.values())


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a listing of everything, in the partner's codes."""

    period: str
    form: str
    unit: str
    indicator: str
    cell: Cell
    version: int = 0


class Client(Protocol):
    """One partner. `submit` and `status` never raise for what a partner does: every outcome is an Answer."""

    cost: Cost

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet."""

    def status(self, packet: Packet) -> Answer:
        """Ask what became of a packet that was sent."""

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""

    def close(self) -> None:
        """Give connections back."""


@runtime_checkable
class Searchable(Protocol):
    """A client of a partner in which differences can be searched for below a key. Digests are brief; numbers of parts
    and groups are the asker's choice, and shares are counted as `shared.digest.share_of` does. All raise Unanswered,
    and Unknown if the partner does not know the question."""

    def parts(self, period: str, form: str, parts: int) -> dict[int, Brief]:
        """Return the digests of the parts into which the keys of a period and form fall by their unit."""

    def units(self, period: str, form: str, parts: int, chosen: Sequence[int]) -> dict[str, Brief]:
        """Return the digests of the keys in these parts, by unit."""

    def groups(self, period: str, form: str, groups: int, units: Sequence[str]) -> dict[tuple[str, int], Brief]:
        """Return the digests of the groups into which the entries of these units' keys fall by their indicator."""

    def entries(self, period: str, form: str, groups: int, chosen: Sequence[tuple[str, int]]) -> dict[str, Listing]:
        """Return what the partner holds in these groups of these units' keys, by unit."""


class OfEverything(Protocol):
    """One entry of a listing of everything, as `Listed` is."""

    @property
    def period(self) -> str:
        """The period, as the hub spells it."""

    @property
    def form(self) -> str:
        """The form."""

    @property
    def unit(self) -> str:
        """The partner's code of the unit."""

    @property
    def indicator(self) -> str:
        """The partner's code of the indicator."""

    @property
    def cell(self) -> Cell:
        """Value and status."""

    @property
    def version(self) -> int:
        """The version the partner names, 0 if it names none."""


@runtime_checkable
class Probing(Protocol):
    """A client that knows which question of its partner's is harmless, where not every partner knows every question."""

    def probe(self, packet: Packet) -> Answer:
        """Ask something about a packet that nobody ever sent: UNKNOWN is the right answer, UNASKABLE says that there is
        no such question."""


@runtime_checkable
class Listable(Protocol):
    """A client of a partner that lists everything it holds, page by page."""

    def listing(self) -> Iterator[Sequence[OfEverything]]:
        """Yield everything the partner holds, in pages, in whatever order it keeps. Raises Unanswered."""
