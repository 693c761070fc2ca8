"""Faults of forms: what they ask for, whom, and for which periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from services.indicators.domain.faults import form_tables
from services.indicators.domain.faults.fault import Fault, unknown
from shared.calendar import Period
from shared.catalogue.entries import Form, FormContent, Years
from shared.catalogue.units import Unit
from shared.errors import Invalid

if TYPE_CHECKING:
    from services.indicators.domain.catalogue import Catalogue

MAX_DAYS = 400
"""Days that one form about single days may ask for: everyone who owes it owes it for each of them."""


def faults(catalogue: Catalogue) -> Iterator[Fault]:
    """Yield every fault of forms."""
    for form_id, form in catalogue.forms.items():
        place = f"forms[{form_id}]"
        yield from _regime_faults(catalogue, place, form)
        yield from _content_faults(catalogue, place, form)
        yield from _version_faults(catalogue, place, form)
        yield from _party_faults(catalogue, place, form)
        yield from _period_faults(place, form.periods, form.period_kind)
    yield from _contested(catalogue)


def _regime_faults(catalogue: Catalogue, place: str, form: Form) -> Iterator[Fault]:
    regime = catalogue.regimes.get(form.regime)
    if regime is None:
        yield unknown(f"{place}.regime", form.regime)
    elif regime.period_kind != form.period_kind:
        yield Fault(
            f"{place}.period_kind",
            "period_kind",
            f"the regime's is {regime.period_kind}",
            "Kỳ khác với chế độ báo cáo.",
        )
    if form.rolls_up is None:
        return
    below = catalogue.forms.get(form.rolls_up)
    if below is None:
        yield unknown(f"{place}.rolls_up", form.rolls_up)
    elif not Period(form.period_kind, 2000).tiles(below.period_kind) or below is form:
        yield Fault(
            f"{place}.rolls_up",
            "rolls_up",
            f"{form.rolls_up} is this form, or its periods do not make up those of this one",
            "Biểu mẫu cấp dưới phải là biểu khác, cùng kỳ hoặc có các kỳ ghép thành kỳ của biểu này.",
        )


def _content_faults(catalogue: Catalogue, place: str, content: FormContent) -> Iterator[Fault]:
    for label, codes in (("indicators", content.indicators), ("derived", content.derived)):
        for at, code in enumerate(codes):
            indicator = catalogue.indicators.get(code)
            if indicator is None:
                yield unknown(f"{place}.{label}[{at}]", code)
            elif (indicator.formula is not None) != (label == "derived"):
                yield Fault(
                    f"{place}.{label}[{at}]",
                    "entered_or_derived",
                    f"{code} is entered where it is computed, or the reverse",
                    f"Chỉ tiêu {code} nằm sai phần nhập liệu hoặc tính toán.",
                )
        if len(set(codes)) != len(codes):
            yield Fault(f"{place}.{label}", "twice", "a code stands twice", "Có mã xuất hiện hai lần.")
    for at, code in enumerate(content.required):
        if code not in content.indicators:
            yield Fault(
                f"{place}.required[{at}]",
                "not_entered",
                f"{code} is not entered here",
                f"{code} không thuộc phần nhập liệu.",
            )
    yield from form_tables.faults(catalogue, place, content)


def _version_faults(catalogue: Catalogue, place: str, form: Form) -> Iterator[Fault]:
    """Earlier versions stand oldest first, each with the day until which it is taken; only codes must still be known,
    because what an indicator has become since is no fault of theirs."""
    numbers = [*(content.version for content in form.earlier), form.version]
    if numbers != sorted(set(numbers)):
        yield Fault(
            f"{place}.earlier",
            "versions",
            "versions do not rise from the oldest to the newest",
            "Các phiên bản của biểu mẫu phải xếp tăng dần, phiên bản hiện hành là số lớn nhất.",
        )
    for content in form.earlier:
        own = f"{place}.earlier[{content.version}]"
        if content.accepted_until is None:
            yield Fault(
                f"{own}.accepted_until",
                "no_end",
                "an earlier version says until when it is taken",
                "Phiên bản cũ phải nêu ngày cuối cùng còn được nhận.",
            )
        if not content.indicators and not content.open_lists:
            yield Fault(
                own,
                "empty_version",
                "asks for nothing and was never stored",
                "Phiên bản này không có nội dung và chưa từng được lưu.",
            )
        for code in content.indicators:
            if code not in catalogue.indicators:
                yield unknown(f"{own}.indicators", code)


def _party_faults(catalogue: Catalogue, place: str, form: Form) -> Iterator[Fault]:
    owed = form.owed_by
    parties = form.parties
    named: dict[str, set[str | None]] = {
        "owed_by": (
            {name for item in owed for name in (item.unit, item.agency)} if isinstance(owed, list) else {owed.under}
        ),
        "parties.enters": set(parties.enters),
        "parties.approves": set(parties.approves),
        "parties.receives": set(parties.receives),
    }
    for label, names in named.items():
        for name in sorted(name for name in names if name is not None and name not in catalogue.units):
            yield unknown(f"{place}.{label}", name)
    if isinstance(owed, list) and len({item.unit for item in owed}) < len(owed):
        yield Fault(
            f"{place}.owed_by",
            "twice",
            "the form is owed twice about a unit; there is one submission of it for a period",
            "Biểu mẫu được giao hai lần cho cùng một đơn vị, trong khi mỗi kỳ chỉ có một bộ số liệu.",
        )
    if form.owner is None:
        return
    if form.owner not in catalogue.units:
        yield unknown(f"{place}.owner", form.owner)
        return
    owing = sorted({item.agency for item in owed}) if isinstance(owed, list) else [owed.under]
    for owes in owing:
        if owes is None or not _belongs(catalogue.units, owes, form.owner):
            yield Fault(
                f"{place}.owed_by",
                "not_below_owner",
                f"{owes or 'every unit of a kind'} is not below {form.owner}, which designed the form",
                f"Biểu mẫu do {form.owner} thiết kế chỉ giao cho đơn vị trực thuộc (Điều 14 khoản 3).",
            )


def _belongs(units: Mapping[str, Unit], unit_id: str, owner: str) -> bool:
    """Tell whether a unit is the owner or belongs to it, now or at some time."""
    seen: set[str] = set()
    pending = [unit_id]
    while pending:
        at = pending.pop()
        if at == owner:
            return True
        unit = units.get(at)
        if unit is None or at in seen:
            continue
        seen.add(at)
        pending += [parent for parent in (unit.parent, *(item.parent for item in unit.parents)) if parent is not None]
    return False


def _period_faults(place: str, periods: Years, kind: str) -> Iterator[Fault]:
    for label, bound in (("from", periods.first), ("to", periods.last)):
        if isinstance(bound, str) and _kind(bound) not in (kind, "year"):
            yield Fault(
                f"{place}.periods.{label}",
                "periods",
                f"{bound!r} is neither a year nor a period of kind {kind}",
                f"“{bound}” không phải là năm hay kỳ báo cáo của biểu mẫu.",
            )
            return
    try:
        first, last = periods.days
    except Invalid as error:
        yield Fault(f"{place}.periods", "periods", error.message, error.detail or "")
        return
    if last is not None and first > last:
        yield Fault(f"{place}.periods", "periods", "ends before it begins", "Kỳ cuối trước kỳ đầu.")
    elif kind == "day" and (last is None or (last - first).days >= MAX_DAYS):
        yield Fault(
            f"{place}.periods",
            "periods",
            f"a form about single days names its first and its last one, at most {MAX_DAYS} days",
            f"Biểu mẫu theo ngày phải ghi ngày đầu và ngày cuối, không quá {MAX_DAYS} ngày.",
        )


def _kind(text: str) -> str | None:
    try:
        return Period.parse(text).kind
    except Invalid:
        return None


def _contested(catalogue: Catalogue) -> Iterator[Fault]:
    """An observation's key is (indicator, unit, period): of two forms about one unit that are asked for the same
    periods, only one may carry an indicator."""
    owners: dict[tuple[str, str, str], list[str]] = {}
    by_kind: dict[str, list[str]] = {}
    for unit_id, unit in catalogue.units.items():
        by_kind.setdefault(unit.kind, []).append(unit_id)
    for form_id, form in sorted(catalogue.forms.items()):
        about = (
            [item.unit for item in form.owed_by]
            if isinstance(form.owed_by, list)
            else by_kind.get(form.owed_by.each, [])
        )
        reported: set[str] = set()
        columns = [code for item in form.open_lists for code in item.columns]
        for code in [*form.indicators, *form.derived, *columns]:
            for about_unit in about:
                others = owners.setdefault((code, about_unit, form.period_kind), [])
                for other in others:
                    if other in reported or not _meet(form, catalogue.forms[other]):
                        continue
                    reported.add(other)
                    yield Fault(
                        f"forms[{form_id}]",
                        "contested",
                        f"{code} of {about_unit} is on {other} too",
                        f"Chỉ tiêu {code} của đơn vị {about_unit} đã thuộc biểu {other}.",
                    )
                others.append(form_id)


def _meet(one: Form, other: Form) -> bool:
    """Tell whether some period is asked for by both. A form whose periods cannot be read has a fault of its own."""
    try:
        (a_first, a_last), (b_first, b_last) = one.periods.days, other.periods.days
    except Invalid:
        return False
    return one is not other and (b_last is None or a_first <= b_last) and (a_last is None or b_first <= a_last)
