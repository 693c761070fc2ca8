"""The metadata that all tables of the service share, with the backbone's own tables in it."""

from __future__ import annotations

from shared.storage import metadata_with_backbone

metadata = metadata_with_backbone()
