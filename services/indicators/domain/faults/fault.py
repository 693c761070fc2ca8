"""One fault of a catalogue, and the kinds that several subjects share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where (`forms[GD-NAM].indicators`), which kind, in English and in Vietnamese."""

    place: str
    code: str
    message: str
    detail: str


def unknown(place: str, what: str) -> Fault:
    """Return the fault of naming something that is not in the catalogue."""
    return Fault(place, "unknown", f"{what} is not in the catalogue", f"“{what}” không có trong danh mục.")


def circles(section: str, parents: Mapping[str, str | None]) -> Iterator[Fault]:
    """Yield a fault for each entry that belongs to itself, directly or not."""
    sound: set[str] = set()
    for start in parents:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in sound and at not in path:
            path.append(at)
            at = parents.get(at)
        if at is not None and at in path:
            yield Fault(
                f"{section}[{at}].parent", "circle", "belongs to itself", "Đơn vị hoặc chỉ tiêu trực thuộc chính nó."
            )
        sound.update(path)
