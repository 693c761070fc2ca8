"""Proposals of changes of the catalogue as callers see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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
class EntryChange:
    """One entry that publication would add or change; `fields` are those that differ."""

    kind: str
    id: str
    how: str  # added | changed
    fields: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDetail:
    """A proposal with its content (sections of a catalogue load), what others think, what it would change now and
    every fault that keeps it from being published (`place`, `code`, `message`, `detail`)."""

    proposal: ProposalView
    content: dict[str, Any]
    reviews: list[ReviewView]
    changes: list[EntryChange]
    faults: list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalPage:
    """Proposals, newest first."""

    proposals: list[ProposalView]
    next: str | None = None
