"""Proposals of changes of the catalogue as callers see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts.views.catalogue import CataloguePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal without its content. `state`: draft, proposed, published, rejected, withdrawn. `content_hash` names
    what was read when deciding; `catalogue_version` is the one that publication made."""

    id: str
    title: str
    owner: str | None
    authors: list[str]
    state: str
    round: int
    content_hash: str
    created_at: datetime
    updated_at: datetime
    decision: str | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    catalogue_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """What a reviewer thinks of a proposal in one round."""

    by: str
    agency: str | None
    round: int
    agrees: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDetail:
    """A proposal with its content (sections of a catalogue load), what others think, and, while it is undecided, what
    publishing it now would change or every fault that keeps it from that."""

    proposal: ProposalView
    content: dict[str, Any]
    reviews: list[ReviewView]
    plan: CataloguePlan | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalPage:
    """Proposals, newest first."""

    proposals: list[ProposalView]
    next: str | None = None
