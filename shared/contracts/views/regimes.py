"""Regimes and forms in full, and files of them, as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.contracts.views.catalogue import CataloguePlan, FormView
from shared.contracts.views.indicators import IndicatorView
from shared.contracts.views.proposals import ProposalView


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeView:
    """A reporting regime and the decision it rests on. `deadline`, `ladder` (deadlines by level), `window` (None: those
    of decree 09/2019) and `intake` are as the catalogue has them."""

    id: str
    name: str
    kind: str  # periodic | thematic | ad_hoc
    decision: str
    period_kind: str
    deadline: dict[str, Any]
    ladder: list[dict[str, Any]]
    window: dict[str, Any] | None
    intake: dict[str, Any]
    moves: bool | None
    level: str
    owner: str | None
    signature: bool
    valid_from: str | None
    valid_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimePage:
    """Regimes in order of id."""

    regimes: list[RegimeView]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeDetail:
    """A regime with its forms."""

    regime: RegimeView
    forms: list[FormView]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDetail:
    """A form as people fill it in. `layout` None: one row for each indicator. `earlier` are its versions before this
    one, each with the day until which it is taken; `used` its indicators; `parties` who enters, approves, receives."""

    form: FormView
    layout: dict[str, Any] | None
    open_lists: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    help: dict[str, str]
    parties: dict[str, list[str]]
    earlier: list[dict[str, Any]]
    used: list[IndicatorView]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file: its name, its media type, and its bytes in base64."""

    name: str
    media_type: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeImport:
    """What loading a regime's file would change or why it cannot be, and the draft that was made of it."""

    plan: CataloguePlan
    proposal: ProposalView | None = None
