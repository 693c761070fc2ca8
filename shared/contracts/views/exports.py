"""Exports as callers see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage:
    """A piece of an exported text, to be joined with the others in order. `as_of` is the batch that all of them must be
    asked for, `next` the cursor of the following one."""

    as_of: int
    content: str
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A file, base64, as of one batch, with the rows it has."""

    as_of: int
    content: str
    rows: int
