"""Following the warehouse: taking in what it recorded, and asking again for what never arrived.

The event tells each whole content; the check, on a slow timer, walks the warehouse's releases in the order they were
recorded and asks for those that are not held here. A new or a restored database heals by the same walk.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.submissions.storage import references
from services.submissions.storage.references import Key, Release
from shared import chunks
from shared.contracts.actor import service_actor
from shared.contracts.events import Observation, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.contracts.views.warehouse import ReleasePage
from shared.entrypoints import Received, Remote
from shared.errors import Invalid
from shared.storage import Unit, UnitOfWork

OVERDUE_SECONDS = 300.0
PAGE = 2_000
MAX_PAGES = 50
"""Releases compared in one run at most: PAGE times this; asked for: PAGE."""
REPEATED = 200
"""Asked for by one call: each is a transaction that tells all of their values."""

_decode = msgspec.json.Decoder(list[Observation]).decode


def take(unit: Unit, messages: Sequence[Received[ObservationsRecorded]]) -> int:
    """Take these chunks in; return how many contents changed. Per key only the newest whole version counts.

    Raises Invalid("submissions.content_differs") if values are not those that the warehouse recorded.
    """
    newest: dict[Key, Release] = {}
    for message in messages:
        release = _whole(unit, message.data)
        if release is not None and (release.key not in newest or newest[release.key].version < release.version):
            newest[release.key] = release
    return references.keep(unit.connection, newest.values())


def catch_up(unit_of_work: UnitOfWork, indicators: Remote) -> int:
    """Compare the warehouse's releases with what is held, from where the last run stopped; have those told again that
    are not, and return how many. Each run ends at the first page that lacks something, which the next begins with."""
    actor = service_actor("submissions")
    with unit_of_work() as unit:
        after = reached = references.checked(unit.connection)
        for set_id in chunks.overdue(unit.connection, OVERDUE_SECONDS):
            chunks.drop(unit, set_id)  # told again whole if it is still the newest, of no use if it is not
    for _ in range(MAX_PAGES):
        page = indicators.call("list_releases", ReleasePage, actor=actor, after=after or None, limit=PAGE)
        lacking: list[Key] = []
        with unit_of_work() as unit:
            keys = [(item.form, item.unit, item.period) for item in page.releases]
            held = references.versions(unit.connection, keys)
            for key, item in zip(keys, page.releases, strict=True):
                if held.get(key, 0) < item.version:
                    lacking.append(key)
                elif not lacking:
                    after = item.cursor
            if after != reached:
                references.move_check(unit.connection, after)
                reached = after
        for start in range(0, len(lacking), REPEATED):
            wanted = lacking[start : start + REPEATED]
            indicators.call("repeat_releases", int, actor=actor, to="submissions", releases=wanted)
        if lacking:
            return len(lacking)
        if page.next is None:
            break
    return 0


def _whole(unit: Unit, data: ObservationsRecorded) -> Release | None:
    body = msgspec.json.encode(data.observations)
    parts = chunks.add(unit, data.subject, data.index, data.total, data.content_hash, body)
    if parts is None:
        return None
    observations = [item for part in parts for item in _decode(part)]
    found = release_hash(data.form, data.unit, data.period, data.version, observations)
    if found != data.content_hash:
        raise Invalid(
            "submissions.content_differs",
            f"{data.subject}: the values hash to {found}, recorded was {data.content_hash}",
            "Số liệu nhận được không khớp với số liệu trong kho.",
        )
    return Release((data.form, data.unit, data.period), data.version, data.batch, observations)
