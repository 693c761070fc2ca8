"""The units as they lie in the database, compiled once per catalogue version and process."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import Engine

from services.indicators.storage import catalogue as entries
from services.indicators.storage.tables import reading
from shared.calendar import Period
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Unit

_compiled: WeakKeyDictionary[Engine, tuple[int, Organisation]] = WeakKeyDictionary()


def current(engine: Engine) -> Organisation:
    """Return the organisation of the catalogue's current version."""
    with reading(engine).connect() as connection:
        version = entries.version(connection)
        held = _compiled.get(engine)
        if held is None or held[0] != version:
            units = msgspec.convert(entries.of_kind(connection, "unit", ""), list[Unit])
            held = _compiled[engine] = version, Organisation(units)
    return held[1]


def meant(engine: Engine, period: str, references: Sequence[str]) -> list[str]:
    """Return the units that these codes (`gso:03388`) meant on the period's last day; ids, and codes that meant none
    then, stay as they are. Raises Invalid("period.malformed") where a code stands with what is no period."""
    if not any(":" in reference for reference in references):  # ids cost no question
        return list(references)
    organisation, day = current(engine), Period.parse(period).end
    return [(":" in item and organisation.resolve(item, day)) or item for item in references]
