"""Every kind of catalogue entry, as a Struct that refuses unknown fields; docs/catalogue.md tells them to people.

Ids never change. What an entry means for a period is what was valid on the period's last day, so definitions carry
spans and earlier versions stay with the entry. Days are local (Asia/Ho_Chi_Minh), ends of spans exclusive.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from shared.calendar import Period
from shared.catalogue.units import Reform, Span, Unit, UnitKind

PeriodKind = Literal["year", "nine_months", "half", "quarter", "month", "day"]
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]{0,63}$")]
IndicatorCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$", max_length=64)]
DayText = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Place = Annotated[int, msgspec.Meta(ge=0, le=4)]
Severity = Literal["error", "warning"]


# -- measures and dimensions -----------------------------------------------------------------------------------------


class Measure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit of measure: one of it is `factor` (decimal text) of its dimension's base, whose factor is 1.

    `name` is how figures are labelled ("nghìn tấn"), `aliases` other ways of writing it. Measures of one `dimension`
    convert into one another, others never (Đ4.2c).
    """

    id: Id
    name: str
    dimension: str
    factor: str = "1"
    aliases: list[str] = msgspec.field(default_factory=list)


class Item(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One code of a dimension's list, with its validity."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,32}$")]
    name: str


class Dimension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way of breaking figures down, with its code list: cấp học = {TH: tiểu học, THCS: …}."""

    id: Id
    name: str
    items: list[Item]


# -- indicators ------------------------------------------------------------------------------------------------------


class Breakdown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of its parent an indicator is: dimension `CAP-HOC`, item `TH`."""

    dimension: str
    item: str


class ExternalCode(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The indicator's code in another system, for a time."""

    scheme: str
    code: str


class Definition(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an indicator measured for a time: one concept, one method, one unit of measure (Đ4.2c).

    A change of any of these is a new version with a day from which it holds; figures of earlier periods keep theirs.
    `max_change_percent` is how far a figure may differ from last period's and last year's without a comment.
    """

    version: int = 1
    concept: str = ""
    method: str = ""
    measure: str
    value_type: Literal["integer", "decimal"]
    decimals: Place = 0
    rollup: str = "none"  # sum | weighted:CODE | last | derived | none (never added)
    over_time: Literal["sum", "last", "none"] = "none"
    formula: str | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    max_change_percent: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None


class Indicator(Definition, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured. The fields of `Definition` are the newest version's; `earlier` has those before it, oldest
    first, each with its span. `measure` is the name of a Measure; `decimals` are the places published figures carry;
    `minimum` and `maximum` bound what may be entered. `rollup` says how units add up, `over_time` how shorter periods
    make a longer one (stocks take the last, flows are summed)."""

    id: IndicatorCode
    name: str
    parent: str | None = None
    breakdown: Breakdown | None = None
    group: str = ""
    lead_agency: str | None = None
    codes: list[ExternalCode] = msgspec.field(default_factory=list)
    earlier: list[Definition] = msgspec.field(default_factory=list)

    def on(self, day: date) -> Definition:
        """Return the definition in force on this day; before the first one, the oldest."""
        for definition in reversed(self.earlier):
            if definition.holds(day):
                return definition
        if self.earlier and self.valid_from is not None and day < self.valid_from:
            return self.earlier[0]
        return self


# -- forms -----------------------------------------------------------------------------------------------------------


class Owed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agency that owes a form about a unit."""

    unit: str
    agency: str


class OwedByEach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every unit of this kind owes the form about itself; `under` narrows to those below a unit on the period's last
    day."""

    each: UnitKind
    under: str | None = None


class Years(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}, forbid_unknown_fields=True):
    """From when to when a form is asked for, both included: a year, or the text of a period of the form's kind
    ("2025-07"). Without a last one it is asked for until further notice."""

    first: int | str
    last: int | str | None = None

    @property
    def days(self) -> tuple[date, date | None]:
        """The first day of the first period and the last day of the last one, None: until further notice.
        Raises Invalid("period.malformed")."""
        first = Period.parse(_period_text(self.first)).start
        return first, None if self.last is None else Period.parse(_period_text(self.last)).end

    def holds(self, period: Period) -> bool:
        """Tell whether the form is asked for this period."""
        first, last = self.days
        return first <= period.start and (last is None or period.end <= last)


def _period_text(bound: int | str) -> str:
    return f"{bound:04d}" if isinstance(bound, int) else bound


class Parties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who does what with a form (Đ10.1), as unit ids; empty means the agency that owes it. `enters` may name
    departments inside the agency, `receives` agencies that the approved submission is sent to."""

    enters: list[str] = msgspec.field(default_factory=list)
    approves: list[str] = msgspec.field(default_factory=list)
    receives: list[str] = msgspec.field(default_factory=list)


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row or a column of a form's table: `indent` steps to the right, `help` for who fills it in."""

    label: str
    indent: int = 0
    help: str = ""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form as a table. `cells[row][column]` is the indicator entered there, null where there is nothing to enter.
    Every entered indicator stands in exactly one cell; a form without a layout has one row for each."""

    rows: list[Line]
    columns: list[Line]
    cells: list[list[str | None]]


class OpenList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list that the reporter makes as long as it must be, such as projects: each row has a label of its own and one
    figure per column. Row 7 of column `DA01` is the figure `DA01.R7`; `DA01` itself is a column, never a figure."""

    id: Id
    label: str
    columns: list[str]
    max_rows: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class CellRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule between cells: a comparison of two formulas, such as `GD06 <= GD02 * 2`. Checked where every code has a
    figure. `detail` is what the clerk reads (Vietnamese), `message` the English."""

    id: Id
    expression: str
    severity: Severity = "error"
    message: str = ""
    detail: str = ""


class FormContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version of a form asks for. A push that names an earlier version is taken until `accepted_until`."""

    version: int = 1
    indicators: list[str] = msgspec.field(default_factory=list)
    derived: list[str] = msgspec.field(default_factory=list)
    required: list[str] = msgspec.field(default_factory=list)
    layout: Layout | None = None
    open_lists: list[OpenList] = msgspec.field(default_factory=list)
    rules: list[CellRule] = msgspec.field(default_factory=list)
    help: dict[str, str] = msgspec.field(default_factory=dict)
    accepted_until: date | None = None


class Form(FormContent, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which indicators are entered together, which are computed beside them, who owes it and for which periods. The
    fields of `FormContent` are the newest version's, `earlier` has those before it, oldest first.

    `rolls_up` names the form of the units below from which this one's draft is filled; `owner` is the unit that
    designed it with the same means (Đ14.3), None: the Office.
    """

    id: Id
    name: str
    regime: str
    period_kind: PeriodKind
    owed_by: list[Owed] | OwedByEach
    periods: Years
    parties: Parties = Parties()
    rolls_up: str | None = None
    owner: str | None = None
    earlier: list[FormContent] = msgspec.field(default_factory=list)


# -- regimes and the calendar ----------------------------------------------------------------------------------------


class Deadline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Day and time (Asia/Ho_Chi_Minh) by which a period's figures are due. `month` counts from January of the period's
    year; None is the period's last month, `months_after` later. A day that the month lacks is its last one."""

    day: Annotated[int, msgspec.Meta(ge=1, le=31)]
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 17
    month: Annotated[int, msgspec.Meta(ge=1, le=24)] | None = None
    months_after: Annotated[int, msgspec.Meta(ge=0, le=12)] = 0
    minute: Annotated[int, msgspec.Meta(ge=0, le=59)] = 0


class Step(Deadline, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of the ladder: the deadline for units of one kind (Đ8.5 of decree 09/2019: one per level)."""

    level: UnitKind


class DataWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which days' data belong to a period: from `from_day` of the month `from_months` before the period's first month
    to `to_day` of the month `to_months` before its last one."""

    from_day: Annotated[int, msgspec.Meta(ge=1, le=31)]
    to_day: Annotated[int, msgspec.Meta(ge=1, le=31)]
    from_months: Annotated[int, msgspec.Meta(ge=0, le=12)] = 0
    to_months: Annotated[int, msgspec.Meta(ge=0, le=12)] = 0


class Intake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When figures are taken without an announcement (Đ17.4): from so many days before the data window ends to so many
    days after the deadline; None: without that bound."""

    opens_days_before: Annotated[int, msgspec.Meta(ge=0, le=400)] | None = None
    closes_days_after: Annotated[int, msgspec.Meta(ge=0, le=400)] | None = None


class Regime(Span, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reporting regime and the decision it rests on (Đ14.1).

    `kind`: periodic deadlines on a day off move to the next working day (Đ17.2), ad hoc ones never do, a thematic
    regime says by `moves`. `ladder` has the deadlines of levels that differ from `deadline`. `window` None: those of
    decree 09/2019, article 12. A regime marked `secret` is refused (Đ1.2).
    """

    id: Id
    name: str
    kind: Literal["periodic", "thematic", "ad_hoc"] = "periodic"
    decision: str
    period_kind: PeriodKind
    deadline: Deadline
    ladder: list[Step] = msgspec.field(default_factory=list)
    window: DataWindow | None = None
    intake: Intake = Intake()
    moves: bool | None = None
    level: str
    owner: str | None = None
    secret: bool = False
    signature: bool = False


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day on which the administrator's calendar differs from the seed: off, or worked; with the decision it rests
    on. `id` is the day, YYYY-MM-DD."""

    id: DayText
    off: bool
    name: str
    decision: str


SECTIONS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "measures": ("measure", Measure),
    "dimensions": ("dimension", Dimension),
    "units": ("unit", Unit),
    "reforms": ("reform", Reform),
    "indicators": ("indicator", Indicator),
    "calendar": ("calendar_day", CalendarDay),
    "regimes": ("regime", Regime),
    "forms": ("form", Form),
}
"""The sections of a load: name, kind of its entries, their type."""
