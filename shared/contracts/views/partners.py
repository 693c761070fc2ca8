"""Partners as administrators see and change them, and what other services are told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared.contracts.views.catalogue import FieldChange


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerVersionView:
    """One change of a partner: who, when, which act (loaded, created, changed, suspended, resumed) and why, and the
    fields that changed."""

    version: int
    at: datetime
    by: str
    action: str
    reason: str
    changes: list[FieldChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerDetail:
    """A partner whole: its document as it is put, its version, and whether it may be called now.

    `held` is the reason why not (suspended, no_permission, not_yet, lapsed, quiet; None: it may be called),
    `held_reason` says it in Vietnamese; `next_call_at` is the first moment at which it may, None if a person must act.
    `backfilling`: what it is due is still being planned; `gaps`: so many contents cannot leave, because their unit has
    no code there.
    """

    id: str
    version: int
    active: bool
    document: dict[str, Any]
    held: str | None = None
    held_reason: str | None = None
    next_call_at: datetime | None = None
    backfilling: bool = False
    gaps: int = 0
    versions: list[PartnerVersionView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPlan:
    """What putting a partner's document changes, or changed: fields with their values before and after, and how many
    deliveries follow from what it is due now (`all_counted` false: at least so many). `version` is the one that stands
    after it."""

    partner: str
    version: int
    action: str  # created | changed | unchanged
    dry_run: bool
    changes: list[FieldChange]
    deliveries: int = 0
    all_counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerPermit:
    """What accounts knows of a partner: whether it is active, the days its permission holds (`valid_to` not included;
    `valid_from` None: it has none), whether what it pushes must be signed, and the version that this is of."""

    partner: str
    version: int
    active: bool
    valid_from: date | None = None
    valid_to: date | None = None
    signs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep:
    """One step of trying a partner: `passed` is None where it was not tried; `told` says in English, `detail` in
    Vietnamese what was found. The last two are taken only where there is something to try."""

    # permission | name | connection | certificate | authentication | schema | round_trip | clock | source | signatures
    step: str
    passed: bool | None
    told: str
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCheck:
    """What trying a partner found; `passed` if no step failed."""

    partner: str
    at: datetime
    passed: bool
    steps: list[CheckStep]
