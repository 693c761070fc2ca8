"""Taking pushes in, many per transaction: judged, merged into drafts, receipts settled, all or nothing.

The order of locks is the same for every worker (receipts by id, then submissions by id), so two of them cannot
deadlock; a submit or an edit that holds a submission's row goes before or after, never in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.submissions.domain import findings as rules
from services.submissions.domain import intake, merge
from services.submissions.domain.catalogue import Catalogue
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.intake import Candidate, Judged, Refusal, Scope
from services.submissions.domain.merge import Cell, Clock, Source
from services.submissions.domain.rounds import DUE, Submission
from services.submissions.domain.values import JsonFraction
from services.submissions.storage import catalogue as catalogues
from services.submissions.storage import figures, receipts, submissions
from services.submissions.storage.figures import Key
from shared.contracts.actor import Actor
from shared.contracts.events import PushAccepted
from shared.contracts.push import PushBody, PushFigure
from shared.contracts.views.submissions import FigureOutcome
from shared.entrypoints import Received
from shared.storage import Unit

# Fractions keep their text: a float would bring 0.1 + 0.2 into the province's figures.
_DECODER = msgspec.json.Decoder(PushBody, float_hook=JsonFraction)


@dataclass(slots=True)
class _Push:
    """One push in hand, and what has become of its figures so far."""

    event: PushAccepted
    correlation_id: str
    body: PushBody
    judged: Judged
    outcomes: list[FigureOutcome] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    touched: dict[str, Counter[str]] = field(default_factory=dict)

    def refuse(self, position: int, outcome: str, finding: Finding) -> None:
        """Count and note a figure that was not simply taken."""
        self.counts[outcome] += 1
        self.note(position, outcome, finding)

    def note(self, position: int, outcome: str, finding: Finding) -> None:
        """Note what its sender should hear about a figure."""
        figure = self.body.figures[position]
        self.outcomes.append(
            FigureOutcome(
                position=position,
                indicator=figure.indicator,
                unit=figure.unit or self.body.unit,
                period=figure.period or self.body.period,
                outcome=outcome,
                code=finding.code,
                message=finding.message,
                detail=finding.detail,
            )
        )


@dataclass(slots=True)
class _Drafts:
    """The drafts that the pushes in hand are about, locked: their cells as read, and those that changed."""

    submissions: dict[str, Submission]
    cells: dict[Key, Cell]
    bounded: dict[str, Submission] = field(init=False)
    created: dict[Key, Cell] = field(default_factory=dict)
    changed: dict[Key, Cell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bounded = {key: item for key, item in self.submissions.items() if item.intake_bounded}


def take_in(unit: Unit, messages: Sequence[Received[PushAccepted]]) -> None:
    """Process these pushes in the unit's transaction. Raises Unavailable while there is no catalogue."""
    catalogue = catalogues.current(unit.connection)
    pushes = [_judge(message, catalogue) for message in _claimed(unit, messages)]
    ids = {candidate.submission_id for push in pushes for candidate in push.judged.candidates}
    locked = submissions.lock_for_intake(unit.connection, ids)
    begun = [item.number for item in locked.values() if item.editable and item.state != DUE]
    drafts = _Drafts(locked, figures.read_cells(unit.connection, begun))
    for push in pushes:
        _merge(push, drafts, unit.now)
    _write(unit, pushes, drafts)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What taking a push in would come to: outcomes, the drafts it would touch with their cells, and the derived
    figures that it states beside them."""

    counts: dict[str, int]
    outcomes: list[FigureOutcome]
    drafts: list[tuple[Submission, dict[str, Cell], dict[str, Cell]]]


def rehearse(unit: Unit, message: Received[PushAccepted]) -> Rehearsal:
    """Judge a push and lay it over the drafts as they are, writing and locking nothing."""
    catalogue = catalogues.current(unit.connection)
    push = _judge(message, catalogue)
    stated = _stated(message.data, push.body, catalogue)
    wanted = {item.submission_id for item in (*push.judged.candidates, *stated)}
    known = submissions.look_up(unit.connection, wanted)
    begun = [item.number for item in known.values() if item.editable and item.state != DUE]
    drafts = _Drafts(known, figures.read_cells(unit.connection, begun))
    _merge(push, drafts, unit.now)
    cells: dict[int, dict[str, Cell]] = {item.number: {} for item in known.values()}
    for (number, indicator), cell in drafts.cells.items():
        if not cell.removed:
            cells[number][indicator] = cell
    beside: dict[str, dict[str, Cell]] = {key: {} for key in known}
    source = Source(message.data.client_id, "", Clock(unit.now, ""), unit.now)
    for item in stated:
        if item.submission_id in beside:
            beside[item.submission_id][item.indicator] = merge.fresh(item.pushed, source)
    push.outcomes.sort(key=lambda outcome: outcome.position)
    counts = {outcome: push.counts[outcome] for outcome in merge.OUTCOMES}
    touched = [known[key] for key in sorted(known) if known[key].editable]
    return Rehearsal(counts, push.outcomes, [(item, cells[item.number], beside[item.id]) for item in touched])


def _stated(event: PushAccepted, body: PushBody, catalogue: Catalogue) -> list[Candidate]:
    scope = Scope(frozenset(event.units), frozenset(event.forms))
    return intake.stated(body, catalogue, scope, event.accepted_at)


def _claimed(unit: Unit, messages: Sequence[Received[PushAccepted]]) -> list[Received[PushAccepted]]:
    """Return the messages whose receipts nobody had before; a repeat has no effect, another body under the same key
    is noted with the receipt."""
    first: dict[str, Received[PushAccepted]] = {}
    again: list[Received[PushAccepted]] = []
    for message in messages:
        if first.setdefault(message.data.receipt_id, message) is not message:
            again.append(message)
    fresh = receipts.claim(unit.connection, [message.data for message in first.values()], unit.now)
    again += [message for receipt_id, message in first.items() if receipt_id not in fresh]
    known = receipts.fingerprints(unit.connection, [message.data.receipt_id for message in again])
    for message in again:
        push = message.data
        if known[push.receipt_id] != (push.client_id, push.fingerprint):
            receipts.count_conflict(unit.connection, push.receipt_id)
            _of(unit, push, message.correlation_id).audit(
                "receipt.conflict", push.receipt_id, {"fingerprint": push.fingerprint}
            )
    return [message for receipt_id, message in first.items() if receipt_id in fresh]


def _of(unit: Unit, push: PushAccepted, correlation_id: str) -> Unit:
    """Return the unit as the push's own client, so that the audit says who sent the figures."""
    own = unit.about(correlation_id)
    own.actor = Actor(id=push.client_id, kind="client", name=push.client_id, partner=push.partner)
    return own


def _judge(message: Received[PushAccepted], catalogue: Catalogue) -> _Push:
    event = message.data
    scope = Scope(frozenset(event.units), frozenset(event.forms))
    try:
        body = _DECODER.decode(event.body)
        judged = intake.judge(body, catalogue, scope, event.accepted_at)
    except (msgspec.DecodeError, ValueError) as error:
        # The gateway checks the shape, so this is rare; the receipt must still end somewhere its client can see.
        body = PushBody(form="", figures=[PushFigure(indicator="")])
        judged = Judged(refusals=[Refusal(0, find(rules.UNREADABLE, reason=str(error)[:200]))])
    push = _Push(event, message.correlation_id, body, judged)
    for refusal in judged.refusals:
        push.refuse(refusal.position, merge.REFUSED, refusal.finding)
    return push


def _merge(push: _Push, drafts: _Drafts, now: datetime) -> None:
    event = push.event
    source = Source(event.client_id, event.receipt_id, Clock(event.accepted_at, event.tie_breaker), now)
    cells, created, changed = drafts.cells, drafts.created, drafts.changed
    conversions = push.judged.conversions
    # Asked once for each submission that has an intake to ask about, not for each figure.
    shut = {key for key, item in drafts.bounded.items() if item.shut(event.accepted_at)}
    submission, takes, touched = None, False, Counter[str]()
    here = ""
    for candidate in push.judged.candidates:
        position, submission_id, indicator = candidate.position, candidate.submission_id, candidate.indicator
        if submission_id != here:  # mostly the one before: pushes go unit by unit
            here, submission = submission_id, drafts.submissions.get(submission_id)
            takes = submission is not None and submission.editable and submission_id not in shut
            if takes:
                touched = push.touched.setdefault(submission_id, Counter())
        if submission is None or not takes:
            figure = push.body.figures[position]
            finding = intake.refusal_of(submission, indicator, figure, push.body, event.accepted_at)
            push.refuse(position, merge.REFUSED, finding or find(rules.NO_OBLIGATION, indicator))
            continue
        key = (submission.number, indicator)
        cell = cells.get(key)
        if cell is None:
            cells[key] = created[key] = merge.fresh(candidate.pushed, source)
            outcome = merge.ACCEPTED
        else:
            outcome = merge.merge(cell, candidate.pushed, source)
            if outcome == merge.SUPERSEDED:
                push.note(position, outcome, find(rules.SUPERSEDED, indicator))
            else:
                if key not in created:
                    changed[key] = cell
                if outcome == merge.CONFLICT:
                    shown = "không phát sinh" if cell.value is None else cell.value
                    rule = rules.MEETS_ROLLUP if cell.origin == merge.ROLLUP else rules.CONFLICT
                    push.note(position, outcome, find(rule, indicator, value=shown))
        if conversions and position in conversions and outcome in (merge.ACCEPTED, merge.UNCHANGED):
            push.note(position, outcome, conversions[position])
        touched[outcome] += 1
    for outcomes in push.touched.values():
        push.counts.update(outcomes)


def _write(unit: Unit, pushes: Sequence[_Push], drafts: _Drafts) -> None:
    figures.insert_cells(unit.connection, drafts.created)
    figures.update_cells(unit.connection, drafts.changed)
    filled = {number for number, _indicator in drafts.created}
    begun = [item.number for item in drafts.submissions.values() if item.state == DUE and item.number in filled]
    submissions.begin_drafts(unit.connection, begun)
    settled = []
    for push in pushes:
        push.outcomes.sort(key=lambda outcome: outcome.position)
        counts = {outcome: push.counts[outcome] for outcome in merge.OUTCOMES}
        settled.append((push.event.receipt_id, counts, push.outcomes, sorted(push.touched)))
        own = _of(unit, push.event, push.correlation_id)
        for submission_id, touched in push.touched.items():
            own.audit(f"figures.{push.event.origin}ed", submission_id, {"receipt": push.event.receipt_id, **touched})
        if not push.touched:
            own.audit(f"{push.event.origin}.refused", push.event.receipt_id, dict(counts))
    receipts.settle(unit.connection, settled)
