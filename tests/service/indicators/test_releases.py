"""Releases for services that keep a copy: listed in the order of recording, told again to one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from shared.contracts.actor import service_actor
from shared.contracts.events import Figure, ObservationsRecorded
from shared.errors import Forbidden, Invalid
from tests.service.indicators.test_warehouse_service import PADDY, Desk, desk

__all__ = ["desk"]

READER = service_actor("submissions")


def settle(desk: Desk) -> None:
    """Let what was recorded be long ago: its events have arrived."""
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE batches SET recorded_at = recorded_at - interval '1 minute'"))


def test_releases_are_listed_in_the_order_of_recording_and_a_newer_version_moves_to_the_end(desk: Desk) -> None:
    for number, period in ((1, "2014"), (1, "2015"), (1, "2016"), (2, "2014")):
        desk.finalise("NN-NAM", period, PADDY if number == 1 else [Figure("NN01.DT", "1")], number)
    assert desk.service.list_releases(READER).releases == []  # their events are on their way
    settle(desk)
    first = desk.service.list_releases(READER, limit=2)
    assert [(item.period, item.version) for item in first.releases] == [("2015", 1), ("2016", 1)]
    second = desk.service.list_releases(READER, after=first.next, limit=2)
    assert [(item.period, item.version) for item in second.releases] == [("2014", 2)]
    assert second.next is None
    assert desk.service.list_releases(READER, after=second.releases[-1].cursor).releases == []


def test_a_release_is_told_again_to_the_one_service_that_asked(desk: Desk) -> None:
    desk.finalise("NN-NAM", "2016", PADDY)
    [told] = desk.emitted(ObservationsRecorded)
    wanted = [("NN-NAM", "LC", "2016"), ("NN-NAM", "LC", "1999")]
    assert desk.service.repeat_releases(READER, "submissions", wanted) == 1
    assert desk.emitted(ObservationsRecorded) == [told]
    with desk.engine.begin() as connection:
        queues = connection.execute(text("SELECT queue FROM outbox WHERE event = 'observations_recorded' ORDER BY id"))
        assert list(queues.scalars()) == [None, "submissions.observations_recorded"]


def test_only_who_may_read_everything_lists_releases_and_only_readers_are_told(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        desk.service.list_releases(replace(READER, forms=("NN-NAM",)))
    with pytest.raises(Invalid, match=r"indicators\.no_reader"):
        desk.service.repeat_releases(READER, "notifications", [])
    with pytest.raises(Invalid, match=r"indicators\.bad_cursor"):
        desk.service.list_releases(READER, after="x|y|z|w")
