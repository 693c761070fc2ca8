"""Receipts: claimed before a push is worked on, settled in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from services.submissions.storage.tables import receipts
from shared.contracts.events import PushAccepted
from shared.contracts.views.submissions import FigureOutcome, ReceiptView


def claim(connection: Connection, pushes: Sequence[PushAccepted], at: datetime) -> set[str]:
    """Claim the receipts of these pushes (whose ids differ) and return those that nobody had before.

    Waits for another worker that holds one: after that it is known whether its push took effect.
    """
    rows = [
        {
            "receipt_id": push.receipt_id,
            "client_id": push.client_id,
            "fingerprint": push.fingerprint,
            "accepted_at": push.accepted_at,
            "processed_at": at,
        }
        for push in sorted(pushes, key=lambda push: push.receipt_id)
    ]
    claimed = insert(receipts).values(rows).on_conflict_do_nothing().returning(receipts.c.receipt_id)
    return set(connection.execute(claimed).scalars())


def fingerprints(connection: Connection, receipt_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return client and fingerprint of these receipts' first pushes."""
    if not receipt_ids:
        return {}
    found = select(receipts.c.receipt_id, receipts.c.client_id, receipts.c.fingerprint).where(
        receipts.c.receipt_id.in_(receipt_ids)
    )
    return {row.receipt_id: (row.client_id, row.fingerprint) for row in connection.execute(found)}


def count_conflict(connection: Connection, receipt_id: str) -> None:
    """Note that another body came under this receipt's key."""
    counted = update(receipts).where(receipts.c.receipt_id == receipt_id).values(conflicts=receipts.c.conflicts + 1)
    connection.execute(counted)


def settle(
    connection: Connection,
    settled: Sequence[tuple[str, dict[str, int], list[FigureOutcome], list[str]]],
) -> None:
    """Write counts, outcomes and submission ids of each claimed receipt."""
    if not settled:
        return
    connection.execute(
        update(receipts)
        .where(receipts.c.receipt_id == bindparam("claimed"))
        .values(counts=bindparam("n"), outcomes=bindparam("o"), submissions=bindparam("s")),
        [
            {"claimed": receipt_id, "n": counts, "o": msgspec.to_builtins(outcomes), "s": submissions}
            for receipt_id, counts, outcomes, submissions in settled
        ],
    )


def find(connection: Connection, receipt_id: str) -> RowMapping | None:
    """Return the receipt's row, None if no push under it was processed."""
    return connection.execute(select(receipts).where(receipts.c.receipt_id == receipt_id)).mappings().first()


def view(row: RowMapping, fingerprint: str | None) -> ReceiptView:
    """Return the receipt as its client sees it. Asked for with a body's fingerprint it says `conflict` if another body
    was processed; asked for without, if any other body came under the key."""
    differs = row["conflicts"] > 0 if fingerprint is None else fingerprint != row["fingerprint"]
    return ReceiptView(
        receipt_id=row["receipt_id"],
        state="conflict" if differs else "processed",
        fingerprint=row["fingerprint"],
        accepted_at=row["accepted_at"],
        processed_at=row["processed_at"],
        counts=row["counts"] or {},
        outcomes=msgspec.convert(row["outcomes"] or [], list[FigureOutcome]),
        submissions=row["submissions"] or [],
    )
