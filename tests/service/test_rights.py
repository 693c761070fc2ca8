"""Whoever has no right is refused by every method that somebody calls, before it tells anything (deny by default)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from services.approval.service import ApprovalService
from services.indicators.service import IndicatorsService
from services.integration.service import IntegrationService
from services.notifications.service import NotificationsService
from services.submissions.service import SubmissionsService
from shared.contracts.actor import Actor
from shared.errors import Forbidden
from shared.rpc import Answered
from shared.storage import UnitOfWork

SERVICES = (ApprovalService, IndicatorsService, IntegrationService, NotificationsService, SubmissionsService)
STRANGER = Actor("stranger", "person", "Người lạ", (), ("*",), ("*",), "LC-VP")

OPEN = {("submissions", "find_receipt")}
"""A receipt is its client's: whoever has its id and is no owner of it gets none."""


def methods(service: type[Any]) -> list[str]:
    """Return the methods that others call in an actor's name."""
    found = inspect.getmembers(service, callable)
    return [
        name
        for name, method in found
        if any(isinstance(item, Answered) for item in getattr(method, "nameko_entrypoints", ()))
        and "actor" in inspect.signature(method).parameters
    ]


def arguments(method: Callable[..., Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(method)
    needed = [item for item in inspect.signature(method).parameters.values() if item.default is item.empty]
    given = {item.name: _some(hints[item.name]) for item in needed if item.name not in ("self", "actor")}
    return given | ({"keep": "push"} if "keep" in given else {})


def _some(kind: Any) -> Any:
    options = [item for item in (*typing.get_args(kind), kind) if isinstance(item, type)]
    for plain, value in ((datetime, datetime(2199, 1, 1, tzinfo=UTC)), (date, date(2026, 1, 1)), (bool, True),
                         (str, "2016"), (int, 1), (dict, {}), (list, [])):  # fmt: skip
        if plain in options or typing.get_origin(kind) is plain:
            return value
    return typing.get_args(kind)[0]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_who_has_no_right_is_refused_by_every_method(service: type[Any], database: Callable[[str], Engine]) -> None:
    asked = service()
    asked.unit = UnitOfWork.for_engine(database(service.name), service.name)
    closed = [name for name in methods(service) if (service.name, name) not in OPEN]
    assert closed
    for name in closed:
        method = getattr(asked, name)
        with pytest.raises(Forbidden, match=r"accounts\.right_missing"):
            method(STRANGER, **arguments(method))
