"""Indicators, units of measure and dimensions as callers see them. Days are ISO texts, `valid_to` exclusive, None:
unknown or open."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCodeView:
    """An indicator's code in another system, for a time."""

    scheme: str
    code: str
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionView:
    """What an indicator measured for a time. `decimals`: to how many places it is shown or computed; `minimum` and
    `maximum` (decimal texts) bound what may be entered; a change beyond `max_change_percent` is asked about."""

    version: int
    concept: str
    method: str
    measure: str
    value_type: str  # integer | decimal
    decimals: int
    rollup: str
    over_time: str
    formula: str | None
    minimum: str | None
    maximum: str | None
    valid_from: str | None
    valid_to: str | None
    max_change_percent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorView:
    """An indicator with its newest definition, or the one in force on the asked day (`version`, `valid_from`,
    `valid_to` are that one's). `earlier` are the definitions before the newest, oldest first; empty where a day was
    asked for."""

    id: str
    name: str
    measure: str
    value_type: str  # integer | decimal
    rollup: str
    formula: str | None = None
    parent: str | None = None
    breakdown: dict[str, str] | None = None
    group: str = ""
    lead_agency: str | None = None
    decimals: int
    concept: str = ""
    method: str = ""
    over_time: str = "none"
    minimum: str | None = None
    maximum: str | None = None
    max_change_percent: int | None = None
    codes: list[ExternalCodeView] = field(default_factory=list)
    version: int = 1
    valid_from: str | None = None
    valid_to: str | None = None
    earlier: list[DefinitionView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorPage:
    """Indicators in order of code."""

    indicators: list[IndicatorView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureView:
    """A unit of measure: one of it is `factor` (decimal text) of its dimension's base. `aliases` name it, too."""

    id: str
    name: str
    dimension: str
    factor: str
    aliases: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurePage:
    """Units of measure in order of id."""

    measures: list[MeasureView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """One code of a dimension's list."""

    code: str
    name: str
    valid_from: str | None = None
    valid_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionView:
    """A way of breaking figures down, with its code list."""

    id: str
    name: str
    items: list[ItemView]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionPage:
    """Dimensions in order of id."""

    dimensions: list[DimensionView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecomputeResult:
    """What a page of deriving anew did: how many (unit, period) it looked at and in how many something changed, later
    periods that look back included. Go on with `next` as `after`."""

    looked_at: int
    changed: int
    next: str | None = None
