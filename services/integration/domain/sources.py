"""What a source holds against what was received from it and approved: which class each difference has, whose it is.

An approved figure is never changed to please a source: every difference is somebody's task, and goes when the source
pushes again, or a person enters or decides, and the new draft is approved. Pure, total: the first rule that holds.

1. duplicate, mapping_gap   as towards receivers (classification.py)
2. conflict                 what the source holds waits beside a figure that was entered by hand or rolled up
3. by_hand                  a person changed or emptied what the source sent, or entered another value himself
4. missing_here             the source holds what never came
5. missing_there            it came from the source, which no longer holds it
6. older_version            the source changed it after its last push
7. status, unit_scale, rounding, value   as towards receivers
8. approved_other           received as the source holds it, and another value is approved
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.integration.domain.classification import Evidence, classify
from services.integration.domain.reconciliation import Cell, Difference, Kind, spelled

APPROVED = "approved"

OF_ENTRY_DESK = frozenset({Kind.CONFLICT, Kind.BY_HAND, Kind.APPROVED_OTHER})
"""Classes that the agency has to settle which owes the figures; all others are the source's."""

NEXT_STEPS: Mapping[str, str] = {
    Kind.DUPLICATE: "Nguồn bỏ dòng ghi trùng rồi gửi lại.",
    Kind.MAPPING_GAP: "Nguồn và đơn vị vận hành thống nhất mã đơn vị, mã chỉ tiêu.",
    Kind.CONFLICT: "Người nhập liệu chọn giữa số nhập tay và số của nguồn, rồi trình duyệt.",
    Kind.BY_HAND: "Người nhập liệu xác nhận số nhập tay hoặc nhận số của nguồn, rồi trình duyệt.",
    Kind.MISSING_HERE: "Nguồn gửi số liệu này; bản nháp mới được trình duyệt.",
    Kind.MISSING_THERE: "Nguồn xác nhận đã bỏ số liệu; nếu đúng, người nhập liệu bỏ trong bản nháp mới và trình duyệt.",
    Kind.OLDER_VERSION: "Nguồn gửi lại số liệu đã thay đổi; bản nháp mới được trình duyệt.",
    Kind.STATUS: "Nguồn gửi lại với trạng thái đúng (ước tính, sơ bộ, chính thức).",
    Kind.UNIT_SCALE: "Nguồn kiểm tra đơn vị tính rồi gửi lại.",
    Kind.ROUNDING: "Nguồn và tỉnh thống nhất số chữ số thập phân; nguồn gửi lại nếu cần.",
    Kind.VALUE: "Nguồn kiểm tra và gửi lại số liệu; bản nháp mới được trình duyệt.",
    Kind.APPROVED_OTHER: "Số của nguồn đã đến nhưng giá trị khác đã được duyệt: mở lại biểu, trình duyệt lại nếu cần.",
}
"""What is to be done about each class, as people read it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the hub holds in a cell: its value, where it comes from, and what of the source waits beside it.

    `by_hand`: a person entered or emptied it, or it was rolled up; `sent`: the source's push brought it. `cell` None:
    emptied. `accepted_at`: when the newest push for it was accepted.
    """

    cell: Cell | None
    sent: bool
    by_hand: bool
    waiting: Cell | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """What the source lists under one code, and when it last changed it, if it says so."""

    cells: tuple[Cell, ...]
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Both sides of one (form, unit, period) by the hub's indicator, and what is approved of it. `settled`: the
    submission is approved, nothing newer waits for a decision."""

    form: str
    unit: str
    period: str
    held: Mapping[str, Held]
    stated: Mapping[str, Stated]
    approved: Mapping[str, Cell] = field(default_factory=dict)
    settled: bool = False
    unit_mapped: bool = True
    unmapped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judged:
    """What comparing one key came to: its differences, and whether what was received waits for an approval."""

    differences: list[Difference]
    pending: bool


def counted(held: Held) -> Cell | None:
    """Return what of a cell goes into the digest of what was received: what the source sent, also while it waits; of a
    figure that a person entered over a push, that figure, because what the source sent is no longer known."""
    if held.waiting is not None:
        return held.waiting
    return held.cell if held.sent or (held.by_hand and held.accepted_at is not None) else None


def judge(key: Key) -> Judged:
    """Compare both sides of a key."""
    found: list[Difference] = []
    pending = False
    for indicator in sorted(key.held.keys() | key.stated.keys()):
        held, stated = key.held.get(indicator), key.stated.get(indicator, Stated(()))
        kind = _kind(key, indicator, held, stated)
        approved = key.approved.get(indicator)
        if kind is not None:
            ours = approved if kind is Kind.APPROVED_OTHER else None if held is None else held.cell
            told = spelled([] if ours is None else [ours]), spelled(stated.cells)
            found.append(Difference(key.form, key.unit, key.period, indicator, kind, *told))
        elif stated.cells and stated.cells != (approved,):
            pending = True
    return Judged(found, pending)


def _kind(key: Key, indicator: str, held: Held | None, stated: Stated) -> Kind | None:
    ours = None if held is None else held.cell
    if not stated.cells:
        return Kind.MISSING_THERE if held is not None and held.sent and ours is not None else None
    mapped = key.unit_mapped and indicator not in key.unmapped
    evidence = Evidence(expected=ours, found=stated.cells, mapped=mapped)
    if len(stated.cells) > 1 or (held is None and not mapped):
        return classify(evidence)
    approved = key.approved.get(indicator)
    if held is None:
        return None if stated.cells == (approved,) else Kind.MISSING_HERE
    if stated.cells == (ours,):
        return Kind.APPROVED_OTHER if key.settled and approved is not None and approved != ours else None
    return _differing(held, stated, evidence)


def _differing(held: Held, stated: Stated, evidence: Evidence) -> Kind | None:
    if stated.cells == (held.waiting,):
        return Kind.CONFLICT
    if held.by_hand:
        return Kind.BY_HAND
    changed, accepted = stated.changed_at, held.accepted_at
    if changed is not None and accepted is not None and changed > accepted:
        return Kind.OLDER_VERSION
    return classify(evidence)


def owner_of(kind: Kind, agency: str, focal_agency: str) -> str:
    """Return whose task a difference is: the agency that owes the figures, or the one that answers for the source."""
    return (agency or focal_agency) if kind in OF_ENTRY_DESK else focal_agency


def owners(differences: Sequence[Difference], agency: str, focal_agency: str) -> dict[str, list[Difference]]:
    """Return the differences of one key by whose task they are."""
    found: dict[str, list[Difference]] = {}
    for item in differences:
        found.setdefault(owner_of(item.kind, agency, focal_agency), []).append(item)
    return found
