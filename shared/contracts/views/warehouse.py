"""The warehouse as callers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationView:
    """One warehouse value with where it comes from. `batch` is the recorded batch, in commit order; `label` names the
    row of an open list, `basis` tells of a value that rests on other units' figures."""

    indicator: str
    unit: str
    period: str
    form: str
    value: str | None
    status: str
    derived: bool
    level: str
    batch: int
    version: int
    recorded_at: datetime
    submission_id: str
    round: int
    label: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationPage:
    """Observations in key order."""

    observations: list[ObservationView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointView:
    """A series' value in one period. `state`: value, nothing_occurred (không phát sinh), missing."""

    period: str
    state: str
    value: str | None = None
    status: str | None = None
    derived: bool = False
    label: str | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """One indicator of one unit, with a point for every period that was asked for."""

    indicator: str
    unit: str
    points: list[PointView]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPage:
    """Series in order of (indicator, unit), as of one batch."""

    as_of: int
    kind: str
    series: list[SeriesView]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One figure of the grid. `state`: value, nothing_occurred (không phát sinh), missing. `basis`: own, predecessors
    (the roll-up of the units that this one was made of), predecessors_estimated (shares of a split unit are among
    them), units_below (the sum over the grid's units), none. `incomplete`: a period or a unit is missing in the sum."""

    value: str | None
    state: str
    basis: str
    incomplete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One indicator of one unit: figures, and comparisons in per cent with one place. The cumulative columns are None
    where the indicator is no flow or the period is the year's only one."""

    unit: str
    indicator: str
    same_period_last_year: GridCell
    last_period: GridCell
    this_period: GridCell
    against_last_period: str | None
    against_same_period: str | None
    since_january: GridCell | None
    since_january_last_year: GridCell | None
    against_last_year: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridIndicator:
    """An indicator as the grid's period defines it."""

    name: str
    measure: str
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridView:
    """The grid of comparisons of a period, as of one batch: rows in the order that units and indicators were asked
    for. With `under`, the rows of all units together come first, under that unit's id."""

    period: str
    as_of: int
    last_period: str
    same_period_last_year: str
    units: dict[str, str]
    indicators: dict[str, GridIndicator]
    rows: list[GridRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """What was recorded at one moment: the round of a submission, or a load of history (round 0)."""

    batch: int
    recorded_at: datetime
    form: str
    unit: str
    period: str
    submission_id: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """Batches, newest first."""

    batches: list[BatchView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """The newest version of a (form, unit, period), and the batch that made it. `cursor` is its place in the list."""

    form: str
    unit: str
    period: str
    version: int
    batch: int
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePage:
    """Releases in the order in which they were recorded."""

    releases: list[ReleaseView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierView:
    """A value that is unusual, with what was usual in its series. `before`: values of the years before that tell it;
    `spread` is the median absolute deviation. `score` None: the series never moved, so the distance cannot be told."""

    indicator: str
    unit: str
    period: str
    form: str
    value: str
    status: str
    score: str | None
    before: int
    mean: str
    deviation: str | None
    median: str
    spread: str
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierPage:
    """The unusual values of a year, furthest first. `pending`: series that could not be judged yet."""

    year: int
    method: str
    threshold: str
    pending: int
    outliers: list[OutlierView]
