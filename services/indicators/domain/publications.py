"""Publication by decision (Đ5.4): which values are free for everyone to read. Pure.

A publication covers figures of one form, for a stretch of periods, some units and some indicators or all of them. It
follows corrections: what is shown is the value that is current under it. Taking it back needs a decision, too, and
publishing the same anew another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from shared.calendar import Period, local_date
from shared.canonical import content_hash
from shared.catalogue.entries import Form
from shared.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published by which decision. `units` or `indicators` None: all of the form's."""

    id: str
    form: str
    period_from: str
    period_to: str
    units: tuple[str, ...] | None
    indicators: tuple[str, ...] | None
    decision: str
    decided_on: date
    published_at: datetime
    published_by: str
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawal_decision: str | None = None

    def withdraw(self, decision: str, at: datetime, by: str) -> Publication:
        """Return it taken back; the same decision again changes nothing.

        Raises Conflict("indicators.publication_withdrawn") if another decision took it back.
        """
        if self.withdrawn_at is None:
            return replace(self, withdrawn_at=at, withdrawn_by=by, withdrawal_decision=decision)
        if self.withdrawal_decision == decision:
            return self
        raise _withdrawn(self)


def published(
    form: Form,
    period_from: str,
    period_to: str | None,
    units: Sequence[str] | None,
    indicators: Sequence[str] | None,
    decision: str,
    decided_on: date,
    at: datetime,
    by: str,
) -> Publication:
    """Return the publication of these figures. Its id is told by what it covers and the decision, so that the same
    again is the same. Raises Invalid("indicators.publication_scope") if the form has no such periods or indicators,
    Invalid("indicators.publication_day") for a decision that is still to come: what it frees is not free yet."""
    if decided_on > local_date(at):
        raise Invalid(
            "indicators.publication_day",
            f"the decision is of {decided_on}, which has not come",
            "Ngày quyết định công bố chưa đến.",
        )
    first, last = Period.parse(period_from), Period.parse(period_to or period_from)
    carried = {code for version in (form, *form.earlier) for code in (*version.indicators, *version.derived)}
    strangers = sorted(set(indicators or ()) - carried)
    empty = units == [] or indicators == [] or last.end < first.end
    if {first.kind, last.kind} != {form.period_kind} or strangers or empty:
        what = f"no indicators {', '.join(strangers)}" if strangers else f"nothing to publish from {first} to {last}"
        raise Invalid(
            "indicators.publication_scope",
            f"{form.id} has {what}",
            f"Biểu mẫu {form.id} không có kỳ hoặc chỉ tiêu được chọn để công bố.",
        )
    chosen_units = None if units is None else tuple(sorted(set(units)))
    chosen = None if indicators is None else tuple(sorted(set(indicators)))
    head = (form.id, str(first), str(last), decision)
    rows = [("unit", item) for item in chosen_units or ("*",)] + [("indicator", item) for item in chosen or ("*",)]
    made = content_hash(head, rows)[:32]
    return Publication(made, form.id, str(first), str(last), chosen_units, chosen, decision, decided_on, at, by)


def same(known: Publication, wanted: Publication) -> Publication:
    """Return the publication that stands. Raises Conflict("indicators.publication_withdrawn") if it was taken back: to
    publish the same again takes a new decision."""
    if known.withdrawn_at is not None:
        raise _withdrawn(known)
    return known if known.id == wanted.id else wanted


def _withdrawn(known: Publication) -> Conflict:
    return Conflict(
        "indicators.publication_withdrawn",
        f"publication {known.id} was taken back by {known.withdrawal_decision}",
        f"Việc công bố này đã được thu hồi theo {known.withdrawal_decision}.",
    )
