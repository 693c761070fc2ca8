"""What a reconciliation's report says: one sentence of verdict, what matches, what differs and whose it is, how it went
lately, and what the proof rests on. Pure; how it looks on paper or screen is decided elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.integration.domain import report_words as words
from services.integration.domain.reconciliation import NEWER_THERE
from services.integration.domain.sources import NEXT_STEPS
from shared.calendar import period_in_words
from shared.contracts.views.reports import (
    ReportClass,
    ReportDifference,
    ReportProof,
    ReportScope,
    ReportTrend,
    ReportView,
)

SETTLED = frozenset(("repaired", "accepted"))
"""States of a difference that is no longer one, or is one that somebody answers for."""

_AT_WORK = ("running", "repairing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One reconciliation as it was recorded."""

    id: str
    partner: str
    partner_name: str
    direction: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    equal: bool | None
    entries: int
    groups: int
    pending: int
    calls: int
    bytes_compared: int
    scrub_age_seconds: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One difference as it was recorded, values as they are stored."""

    kind: str
    form: str
    unit: str
    period: str
    indicator: str
    expected: str | None
    found: str | None
    state: str
    owner: str | None = None
    since: datetime | None = None
    times: int = 1
    failed_repairs: int = 0
    accepted_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many differences of one class, form and period stand in one state; `ours` tells whether we hold an entry
    there, else only the other side does."""

    kind: str
    state: str
    form: str
    period: str
    ours: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier reconciliation: when it ended, how, and its differences."""

    id: str
    at: datetime
    state: str
    entries: int
    found: int
    left: int


@dataclass(frozen=True, slots=True)
class Names:
    """What codes are called, where that is known: a form, a unit at a period's end, an indicator."""

    form: Callable[[str], str | None] = lambda _form: None
    unit: Callable[[str, str], str | None] = lambda _unit, _period: None
    indicator: Callable[[str], str | None] = lambda _indicator: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a report is made of. `differences` may be fewer than `tallies` count."""

    run: Run
    now: datetime
    tallies: Sequence[Tally]
    differences: Sequence[Found]
    scopes: Sequence[tuple[str, str, int]]
    past: Sequence[Past] = ()
    scrubbed_at: datetime | None = None
    warehouse_checked_at: datetime | None = None
    names: Names = field(default_factory=Names)


def report_of(facts: Facts) -> ReportView:
    """Return the report that these facts make."""
    run = facts.run
    title, _, ours, theirs = words.DIRECTIONS[run.direction]
    by_state: Counter[str] = Counter()
    unlike_ours = unlike_theirs = 0
    for tally in facts.tallies:
        by_state[tally.state] += tally.count
        if tally.state != "repaired":  # what was accepted with a reason still differs
            unlike_ours += tally.count if tally.ours else 0
            unlike_theirs += 0 if tally.ours else tally.count
    found = by_state.total()
    left = found - sum(by_state[state] for state in SETTLED)
    matched, total = max(0, run.entries - unlike_ours), run.entries + unlike_theirs
    compared = run.state not in _AT_WORK and run.equal is not None
    share = words.per_cent(matched, total) if compared else None
    return ReportView(
        reconciliation_id=run.id,
        made_at=facts.now,
        partner=run.partner,
        partner_name=run.partner_name,
        direction=run.direction,
        direction_words=title,
        ours_words=ours,
        theirs_words=theirs,
        state=run.state,
        state_words=words.RUNS.get(run.state, run.state),
        tone=_tone(run, left),
        verdict=_verdict(run, by_state, left, total, share),
        done=_done(by_state, facts),
        started_at=run.started_at,
        finished_at=run.finished_at,
        equal=run.equal,
        entries=run.entries,
        matched=matched,
        share=share,
        found=found,
        repaired=by_state["repaired"],
        accepted=by_state["accepted"],
        left=left,
        classes=_classes(facts.tallies, run.direction),
        scopes=_scopes(facts),
        differences=[_difference(item, facts) for item in facts.differences],
        omitted=max(0, found - len(facts.differences)),
        trend=[_trend(item) for item in facts.past],
        proof=ReportProof(
            read_at=run.finished_at if compared else None,
            entries=run.entries,
            groups=run.groups,
            calls=run.calls,
            bytes_compared=run.bytes_compared,
            pending=run.pending,
            scrubbed_at=facts.scrubbed_at,
            scrub_age_seconds=run.scrub_age_seconds,
            warehouse_checked_at=facts.warehouse_checked_at,
            reread=run.state == "repaired" or (run.state == "failed" and run.equal is not None),
        ),
        error=run.error,
    )


def _tone(run: Run, left: int) -> str:
    if run.state in _AT_WORK:
        return "open"
    if run.equal is None:
        return "bad"
    if left:
        return "bad" if run.state == "failed" else "attention"
    return "good" if run.equal or not run.pending else "attention"


def _verdict(run: Run, by_state: Mapping[str, int], left: int, total: int, share: str | None) -> str:
    if run.state in _AT_WORK:
        return f"Đang đối soát với {run.partner_name}, chưa có kết luận."
    if run.equal is None:
        return f"Chưa đối soát được với {run.partner_name}: không đọc được số liệu của bên đó."
    if left:
        accepted = by_state["accepted"]
        settled = f"; {words.whole(accepted)} số liệu khác đã được chấp nhận có lý do" if accepted else ""
        return (
            f"Còn {words.whole(left)} số liệu khác nhau trong {words.whole(total)} số liệu (khớp {share} %){settled}."
        )
    return _nothing_left(run, by_state)


def _nothing_left(run: Run, by_state: Mapping[str, int]) -> str:
    repaired, accepted = by_state["repaired"], by_state["accepted"]
    if accepted:
        return f"Hai bên khớp, trừ {words.whole(accepted)} số liệu khác nhau đã được chấp nhận có lý do."
    if run.pending:
        return f"Chưa kết luận được: {words.whole(run.pending)} biểu đang được xử lý, phần còn lại khớp."
    if repaired:
        told = f"đã sửa {words.whole(repaired)} số liệu khác nhau và đọc lại"
        return f"Hai bên khớp 100 % ({words.whole(run.entries)} số liệu): {told}."
    if not run.entries:
        return "Hai bên khớp: chưa có số liệu nào thuộc phạm vi đối soát."
    return f"Hai bên khớp 100 %: cả {words.whole(run.entries)} số liệu giống nhau."


_DONE = (
    ("repaired", "đã sửa và đọc lại {count}"),
    ("repairing", "đang sửa {count}"),
    ("unrepaired", "sửa chưa được {count}"),
    ("recurring", "tái diễn {count}"),
    ("task", "đã giao xử lý {count}"),
    ("accepted", "chấp nhận có lý do {count}"),
    ("new", "chưa sửa {count}"),
)


def _done(by_state: Mapping[str, int], facts: Facts) -> str:
    told = [text.format(count=words.whole(by_state[state])) for state, text in _DONE if by_state.get(state)]
    if not told:
        return "Không có việc phải làm."
    owners = Counter(
        facts.names.unit(item.owner, item.period) or item.owner
        for item in facts.differences
        if item.owner and item.state not in SETTLED
    )
    whose = ", ".join(f"{owner} ({words.whole(count)})" for owner, count in owners.most_common(5))
    text = ", ".join(told)
    return f"{text[0].upper()}{text[1:]}." + (f" Bên phải xử lý: {whose}." if whose else "")


def _classes(tallies: Sequence[Tally], direction: str) -> list[ReportClass]:
    found: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for tally in tallies:
        found[tally.kind] += tally.count
        left[tally.kind] += 0 if tally.state in SETTLED else tally.count
    ordered = sorted(found, key=lambda kind: (-left[kind], -found[kind], kind))
    return [
        ReportClass(kind=kind, kind_words=words.kind(kind, direction), found=found[kind], left=left[kind])
        for kind in ordered
    ]


def _scopes(facts: Facts) -> list[ReportScope]:
    differing: Counter[tuple[str, str]] = Counter()
    for tally in facts.tallies:
        if tally.state not in SETTLED:
            differing[tally.form, tally.period] += tally.count
    entries = {(form, period): count for form, period, count in facts.scopes}
    return [
        ReportScope(
            form=form,
            form_name=facts.names.form(form),
            period=period,
            period_words=period_in_words(period),
            entries=entries.get((form, period), 0),
            differing=differing[form, period],
        )
        for form, period in sorted(entries.keys() | differing.keys())
    ]


def _difference(item: Found, facts: Facts) -> ReportDifference:
    names = facts.names
    return ReportDifference(
        kind=item.kind,
        kind_words=words.kind(item.kind, facts.run.direction),
        form=item.form,
        form_name=names.form(item.form),
        unit=item.unit,
        unit_name=names.unit(item.unit, item.period),
        period=item.period,
        period_words=period_in_words(item.period),
        indicator=item.indicator,
        indicator_name=names.indicator(item.indicator),
        ours=words.figure(item.expected),
        theirs=words.figure(item.found),
        state=item.state,
        state_words=words.STATES.get(item.state, item.state),
        owner=item.owner,
        owner_name=None if item.owner is None else names.unit(item.owner, item.period),
        since=item.since,
        age_seconds=None if item.since is None else max(0.0, (facts.now - item.since).total_seconds()),
        times=item.times,
        note=_note(item, facts.run.direction),
    )


def _note(item: Found, direction: str) -> str | None:
    if item.state == "accepted":
        return item.accepted_reason
    if item.state == "repaired":
        return None
    told = [f"Đã sửa {words.whole(item.failed_repairs)} lần chưa được."] if item.failed_repairs else []
    if todo := (NEXT_STEPS if direction == "source" else NEWER_THERE).get(item.kind):
        told.append(todo)
    return " ".join(told) or None


def _trend(item: Past) -> ReportTrend:
    return ReportTrend(
        reconciliation_id=item.id,
        at=item.at,
        state=item.state,
        state_words=words.RUNS.get(item.state, item.state),
        entries=item.entries,
        found=item.found,
        left=item.left,
    )
