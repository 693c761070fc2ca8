"""Lai Châu's catalogue as data files, and how they become the body of `PUT /v1/catalogue`.

Owns units.csv (one line per span in which a unit's name, type, parent and code held), successions.csv, measures.csv,
dimensions.json, indicators.csv, regimes.json and forms.json; README.md names their sources. Reads files and tells what
cannot be read, by file, row and column. Whether entries fit together is not checked here: the indicators service does,
refuses a faulty catalogue as a whole, and `Reading.places` leads from its places back to the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalogue.entries import Entry, documents, tabular
from catalogue.sources import Fault, Places, Source

__all__ = ["FOLDER", "SECTIONS", "Entry", "Fault", "Places", "Reading", "Source", "Unreadable", "read", "read_places"]

FOLDER = Path(__file__).parent
TABULAR = ("measures", "units", "indicators", "calendar")
SECTIONS = ("measures", "dimensions", "units", "reforms", "indicators", "calendar", "regimes", "forms")


class Unreadable(ValueError):
    """A folder whose files hold faults; `faults` has all of them."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{fault.source}: {fault.message}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder holds: the body of a load, where each part of it stands, and what could not be read."""

    body: dict[str, list[Entry]]
    places: Places
    faults: list[Fault]


def read(folder: Path | str | None = None) -> dict[str, list[Entry]]:
    """Return all sections of `folder` (default: Lai Châu's), each entry with its `id`. Raises Unreadable."""
    reading = read_places(folder)
    if reading.faults:
        raise Unreadable(reading.faults)
    return {section: reading.body.get(section, []) for section in SECTIONS}


def read_places(folder: Path | str | None = None) -> Reading:
    """Read `folder` as far as it can be read. A section may be missing: a load adds and changes, it never removes."""
    root = Path(folder) if folder else FOLDER
    places, faults = Places(), list[Fault]()
    body: dict[str, list[Entry]] = {}
    for section in SECTIONS:
        entries = tabular(root, section, places, faults) if section in TABULAR else []
        entries += documents(root, section, places, faults)
        if entries:
            places.put(section, _beginning(places, section, entries))
            body[section] = entries
    if not body and not faults:
        message, detail = "has no file of a catalogue", "Thư mục không có tệp danh mục nào."
        faults.append(Fault(Source(str(root)), "no_files", message, detail))
    return Reading(body, places, sorted(faults, key=lambda fault: fault.source))


def _beginning(places: Places, section: str, entries: list[Entry]) -> Source:
    first = places.find(f"{section}[{entries[0].get('id', 0)}]")
    return Source(first.file if first else section)
