"""The body of `POST /v1/data`: what an external system sends, in the words of the integrators' guide."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MAX_FIGURES = 5_000


class PushFigure(msgspec.Struct, frozen=True):
    """One figure. `value` is a JSON number or a text ("3.507,6" and "3507.6" are both read); null with
    `nothing_occurred` says "không phát sinh". `unit` is a unit id or a code (`gso:03388`), `measure` the unit of
    measure the sender means: another of the same dimension is converted and the receipt says so, else it is refused.
    `label` names the row of an open list that the figure stands in (`DA01.R7`); once per row is enough."""

    indicator: str
    value: Any = None
    unit: str | None = None
    period: str | None = None
    measure: str | None = None
    status: str = "official"
    nothing_occurred: bool = False
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None


class PushBody(msgspec.Struct, frozen=True):
    """Figures of one form. `unit` and `period` are defaults for figures that do not name their own. `form_version` is
    the version of the form that the sender knows: an earlier one is taken until the day the form says; without it the
    newest is meant."""

    form: str
    figures: list[PushFigure]
    unit: str | None = None
    period: str | None = None
    form_version: int | None = None
