"""The notifications service on a real database: who sees what, once, and who has read it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from services.notifications import storage
from services.notifications.domain import Audience, Notice
from services.notifications.service import NotificationsService
from services.notifications.worker import NotificationsWorker
from shared.contracts.actor import Actor
from shared.contracts.events import (
    Event,
    ObligationsAnnounced,
    OwedItem,
    Reason,
    ReconciliationFinished,
    SubmissionApproved,
    SubmissionReturned,
)
from shared.entrypoints import Received
from shared.errors import Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.unit.notifications.test_notices import OF, failed

CLERK = Actor(
    id="person:clerk",
    kind="person",
    name="C",
    rights=("inbox.read", "submissions.edit"),
    units=("LC",),
    forms=("GD-NAM",),
    agency="LC-SGDDT",
)


class Inbox:
    """Service and worker on one database."""

    def __init__(self, engine: Engine) -> None:
        self.service, self.worker = NotificationsService(), NotificationsWorker()
        self.unit = UnitOfWork.for_engine(engine, "notifications")
        self.service.unit = self.worker.unit = self.unit

    def tell(self, event: Event) -> None:
        handler: Any = getattr(self.worker, f"on_{event.event}")
        with self.unit() as unit:
            handler(unit, Received(data=event, id=uuid.uuid4(), correlation_id="c", time=datetime.now(UTC)))

    def titles(self, actor: Actor, **how: Any) -> list[str]:
        return [entry.title for entry in self.service.list_inbox(actor, **how).entries]


@pytest.fixture
def inbox(database: Callable[[str], Engine]) -> Iterator[Inbox]:
    yield Inbox(database("notifications"))


RETURNED = SubmissionReturned(**OF, reasons=[Reason("Chưa khớp")])


def test_the_same_event_is_told_once_and_another_round_again(inbox: Inbox) -> None:
    for _ in range(3):
        inbox.tell(RETURNED)
    assert inbox.titles(CLERK) == ["Số liệu GD-NAM năm 2016 bị trả lại"]
    inbox.tell(SubmissionReturned(**OF | {"round": 3}, reasons=[Reason("Vẫn chưa khớp")]))
    assert inbox.service.list_inbox(CLERK).unread == 2


def test_a_notice_reaches_the_agency_it_concerns_and_no_other(inbox: Inbox) -> None:
    inbox.tell(SubmissionApproved(**OF, level="province"))
    assert len(inbox.titles(CLERK)) == 1
    assert inbox.titles(replace(CLERK, agency="LC-SYT")) == []
    assert inbox.titles(replace(CLERK, rights=("inbox.read",))) == []


def test_a_failed_delivery_and_a_difference_reach_the_operators_everywhere(inbox: Inbox) -> None:
    inbox.tell(failed())
    inbox.tell(
        ReconciliationFinished(reconciliation_id="r", partner="quoc-gia", equal=False, differences={"different": 1})
    )
    operator = Actor(
        id="person:quantri",
        kind="person",
        name="Q",
        rights=("inbox.read", "deliveries.manage", "reconciliations.read"),
        units=("*",),
        forms=("*",),
        agency="LC-VP",
    )
    assert len(inbox.titles(operator)) == 2
    assert len(inbox.titles(replace(CLERK, rights=("inbox.read", "cases.decide")))) == 1
    assert inbox.titles(CLERK) == []


def test_reading_is_marked_per_person_and_may_be_repeated(inbox: Inbox) -> None:
    inbox.tell(RETURNED)
    (entry,) = inbox.service.list_inbox(CLERK).entries
    for _ in range(2):
        assert inbox.service.mark_read(CLERK, entry.id).read
    assert inbox.titles(CLERK, unread_only=True) == []
    assert inbox.service.list_inbox(CLERK).unread == 0
    assert inbox.service.list_inbox(replace(CLERK, id="person:colleague")).unread == 1


def test_an_entry_for_others_is_not_there(inbox: Inbox) -> None:
    inbox.tell(RETURNED)
    (entry,) = inbox.service.list_inbox(CLERK).entries
    for actor, name in ((replace(CLERK, agency="LC-SYT"), entry.id), (CLERK, "999"), (CLERK, "x"), (CLERK, "9" * 40)):
        with pytest.raises(NotFound, match=r"notifications\.no_entry"):
            inbox.service.mark_read(actor, name)


def test_the_inbox_needs_its_right_and_a_sound_cursor(inbox: Inbox) -> None:
    with pytest.raises(Forbidden):
        inbox.service.list_inbox(replace(CLERK, rights=("submissions.edit",)))
    with pytest.raises(Invalid, match=r"notifications\.bad_cursor"):
        inbox.service.list_inbox(CLERK, after="abc")


def test_pages_follow_one_another_newest_first(inbox: Inbox) -> None:
    for round in range(1, 8):
        inbox.tell(SubmissionReturned(**OF | {"round": round}, reasons=[Reason("x")]))
    seen: list[str] = []
    after = None
    while True:
        page = inbox.service.list_inbox(CLERK, after=after, limit=3)
        seen += [entry.text.split(" bị")[0] for entry in page.entries]
        after = page.next
        if after is None:
            break
    assert seen == [f"Lần gửi {round}" for round in range(7, 0, -1)]


def test_the_query_and_the_rule_name_the_same_audience(inbox: Inbox) -> None:
    audiences = [
        Audience(right, agency, unit, form)
        for right, agency, unit, form in itertools.product(("a", "b"), (None, "X", "Y"), (None, "u"), (None, "f"))
    ]
    with inbox.unit() as unit:
        for number, audience in enumerate(audiences):
            storage.tell(
                unit.connection,
                Notice(topic=str(number), audience=audience, title="", text="", subject=str(number), link=""),
                unit.now,
            )
    for rights, agency, units, forms in itertools.product(
        ((), ("a",), ("a", "b")), (None, "X"), ((), ("u",), ("*",)), ((), ("f",), ("*",))
    ):
        actor = Actor(
            id="p", kind="person", name="P", rights=("inbox.read", *rights), units=units, forms=forms, agency=agency
        )
        found = {int(entry.subject) for entry in inbox.service.list_inbox(actor, limit=200).entries}
        assert found == {number for number, audience in enumerate(audiences) if audience.includes(actor)}


def test_an_announcement_reaches_the_agency_it_concerns_once(inbox: Inbox) -> None:
    event = ObligationsAnnounced(
        announcement="a1",
        act="waived",
        agency="LC-SGDDT",
        by="office",
        at=datetime.now(UTC),
        reason="nhầm",
        until=None,
        index=0,
        obligations=[OwedItem("s1", "GD-NAM", "LC", "2016", None)],
    )
    for _ in range(2):
        inbox.tell(event)
    assert inbox.titles(CLERK) == ["Miễn nộp báo cáo GD-NAM năm 2016"]
    assert inbox.titles(replace(CLERK, agency="LC-SYT")) == []
