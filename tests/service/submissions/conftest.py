"""Service and worker on a real database, without a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select, text

from services.submissions import testing
from services.submissions.domain.obligations import submission_id
from services.submissions.service import SubmissionsService
from services.submissions.worker import SubmissionsWorker
from shared.contracts.actor import Actor
from shared.contracts.events import EVENTS, Event
from shared.contracts.views.submissions import ReceiptView
from shared.entrypoints import Received
from shared.storage import UnitOfWork, outbox

CLERK = Actor(
    "sgddt.nhaplieu",
    "person",
    "Nhập liệu",
    ("submissions.read", "submissions.edit", "submissions.submit"),
    ("*",),
    ("*",),
    "LC-SGDDT",
)
OFFICE = Actor(
    "office",
    "person",
    "Văn phòng",
    ("obligations.manage", "catalogue.manage", "submissions.read"),
    ("*",),
    ("*",),
    "LC-VP",
)
CLIENT = Actor("csdl-giao-duc", "client", "CSDL giáo dục", ("data.push",), ("*",), ("GD-NAM",))
SCHOOLS = submission_id("GD-NAM", "LC", "2016")
WHOLE = {"GD01": 10, "GD01.TH": 5, "GD01.THCS": 3, "GD01.THPT": 2, "GD02": 7}


@dataclass
class Hub:
    """The submissions service with its worker and database."""

    engine: Engine
    service: SubmissionsService = field(default_factory=SubmissionsService)
    worker: SubmissionsWorker = field(default_factory=SubmissionsWorker)

    def __post_init__(self) -> None:
        self.service.unit = self.worker.unit = UnitOfWork.for_engine(self.engine, "submissions")

    def handle(self, handler: Callable[..., None], *messages: Received[Any]) -> None:
        """Run a handler as the entrypoint would: set-wise ones with all messages, others one by one."""
        with self.worker.unit() as unit:
            if handler == self.worker.on_push_accepted:
                handler(unit, list(messages))
                return
            for message in messages:
                handler(unit, message)

    def push(self, *messages: Received[Any]) -> ReceiptView:
        """Process pushes in one transaction and return the first one's receipt."""
        self.handle(self.worker.on_push_accepted, *messages)
        push = messages[0].data
        receipt = self.service.find_receipt(Actor(push.client_id, "client", ""), push.receipt_id)
        assert receipt is not None
        return receipt

    def push_figures(self, figures: dict[str, Any], **options: Any) -> ReceiptView:
        """Push figures of GD-NAM for the province and 2016."""
        listed = [{"indicator": code, "value": value} for code, value in figures.items()]
        body = {"form": "GD-NAM", "unit": "LC", "period": "2016", "figures": listed}
        return self.push(testing.push_event(body, **options))

    def events(self) -> list[Event]:
        """Return what was emitted, oldest first."""
        types = {event.event: event for event in EVENTS}
        with self.engine.begin() as connection:
            rows = connection.execute(select(outbox.c.event, outbox.c.body).order_by(outbox.c.id)).all()
        return [msgspec.json.decode(row.body, type=types[row.event]) for row in rows]

    def actions(self) -> list[str]:
        """Return what the audit says, oldest first."""
        with self.engine.begin() as connection:
            return list(connection.execute(text("SELECT action FROM audit ORDER BY id")).scalars())


@pytest.fixture
def hub(database: Callable[[str], Engine]) -> Iterator[Hub]:
    """A fresh service that has followed the catalogue."""
    hub = Hub(database("submissions"))
    hub.handle(hub.worker.on_catalogue_changed, testing.catalogue_event(testing.bodies()))
    yield hub
