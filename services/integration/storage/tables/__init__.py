"""The integration service's tables, one module per subject. What each is for stands below it; the
SQL stands in the files next to this package."""

from __future__ import annotations

from services.integration.storage.tables.base import metadata
from services.integration.storage.tables.dead_letters import (
    dead_letter_history,
    dead_letter_job_items,
    dead_letter_jobs,
    dead_letters,
)
from services.integration.storage.tables.deliveries import attempts, deliveries
from services.integration.storage.tables.differences import earlier_entries, known_differences
from services.integration.storage.tables.journal import journal
from services.integration.storage.tables.ledger import contents, holdings, ledger, scrubs
from services.integration.storage.tables.messages import message_anchor, message_bodies, messages
from services.integration.storage.tables.partner_versions import backfills, mapping_gaps, partner_versions
from services.integration.storage.tables.partners import partners
from services.integration.storage.tables.pulls import (
    pull_cells,
    pull_faults,
    pull_pages,
    pull_receipts,
    pull_rows,
    pull_runs,
    pull_sources,
)
from services.integration.storage.tables.reconciliations import differences, reconciliations
from services.integration.storage.tables.security_servers import security_server_changes
from services.integration.storage.tables.sources import (
    reconciliation_scopes,
    source_clients,
    source_groups,
    source_received,
    source_runs,
    source_stated,
    source_values,
)
from services.integration.storage.tables.standings import partner_standings

__all__ = [
    "attempts",
    "backfills",
    "contents",
    "dead_letter_history",
    "dead_letter_job_items",
    "dead_letter_jobs",
    "dead_letters",
    "deliveries",
    "differences",
    "earlier_entries",
    "holdings",
    "journal",
    "known_differences",
    "ledger",
    "mapping_gaps",
    "message_anchor",
    "message_bodies",
    "messages",
    "metadata",
    "partner_standings",
    "partner_versions",
    "partners",
    "pull_cells",
    "pull_faults",
    "pull_pages",
    "pull_receipts",
    "pull_rows",
    "pull_runs",
    "pull_sources",
    "reconciliation_scopes",
    "reconciliations",
    "scrubs",
    "security_server_changes",
    "source_clients",
    "source_groups",
    "source_received",
    "source_runs",
    "source_stated",
    "source_values",
]
