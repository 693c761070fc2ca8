"""Open lists: as many rows as the reporter needs, such as projects. Pure.

Row 7 of column `DA01` is the figure `DA01.R7`; each row bears a label, which any of its figures may bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class OpenList:
    """A list of a form: the indicators that are its columns, and how many rows it may have."""

    id: str
    label: str
    columns: tuple[str, ...]
    max_rows: int


class Row(NamedTuple):
    """Where a figure of an open list stands."""

    list: OpenList
    column: str
    number: int


def row_of(code: str, columns: Mapping[str, OpenList]) -> Row | None:
    """Return where `DA01.R7` stands; None if that is no figure of these columns' lists."""
    column, _, number = code.rpartition(".R")
    found = columns.get(column)
    # Row 07 would be another figure than row 7.
    if found is None or not (number.isascii() and number.isdecimal()) or number.startswith("0") or len(number) > 9:
        return None
    return Row(found, column, int(number))


def labels_of(labelled: Iterable[tuple[Row, str | None]]) -> Iterator[tuple[OpenList, int, list[str]]]:
    """Yield each row that these figures stand in, with the labels they bring."""
    rows: dict[tuple[str, int], tuple[OpenList, set[str]]] = {}
    for row, label in labelled:
        _, labels = rows.setdefault((row.list.id, row.number), (row.list, set()))
        if label is not None:
            labels.add(label)
    for (_, number), (found, labels) in sorted(rows.items(), key=lambda item: item[0]):
        yield found, number, sorted(labels)
