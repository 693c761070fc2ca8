"""What healing the warehouse adds: numbers that readers have seen are not given twice.

Rounds are recorded again by what submissions sent, changes of the catalogue by the journal. New batches begin behind
the last that any reader knows, and what a reader holds in a version that is not ours is told again in a later one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import update

from services.indicators.recording import tell
from services.indicators.storage import warehouse
from services.indicators.storage.tables import batch_counter
from shared.contracts.hashes import release_hash
from shared.healing import Neighbours
from shared.storage import Unit


def prepare(unit: Unit, neighbours: Neighbours) -> None:
    """Move the counter of batches behind those that integration and submissions have heard of."""
    known = [row.batch for row in neighbours.ask("integration", "held")]
    last = max([warehouse.lock(unit.connection), neighbours.ask("submissions", "last_batch"), *known])
    unit.connection.execute(update(batch_counter).values(last=last))


def settle(unit: Unit, neighbours: Neighbours, _restored_to: Any) -> list[str]:
    """Tell in a later version what integration holds otherwise; return what it holds and the warehouse does not."""
    warehouse.lock(unit.connection)
    lacking = []
    for held in neighbours.ask("integration", "held"):
        found = warehouse.releases_of(unit.connection, [held.form], held.unit, held.period).get(held.form)
        if found is None:
            lacking.append(
                f"{held.form}/{held.unit}/{held.period}: integration holds version {held.version}, here is none"
            )
        elif found.version < held.version or (
            found.version == held.version and found.content_hash != held.content_hash
        ):
            content = warehouse.content(unit.connection, held.form, held.unit, held.period, found.batch)
            version = held.version + 1
            told = release_hash(held.form, held.unit, held.period, version, content)
            later = replace(found, version=version, content_hash=told)
            warehouse.save_release(unit.connection, later)
            tell(unit, later, content)
    return lacking
