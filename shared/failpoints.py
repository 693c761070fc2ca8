"""Named points at which a test may kill a process, to prove that nothing is lost or doubled there.

Off unless HUB_FAILPOINTS_DIR is set. Then `failpoint(name)` touches `<dir>/hits/<process>.<name>`, and if
`<dir>/armed/<process>.<name>` exists, removes it and sends this process SIGKILL: one arming is one death. A number in
that file is how many times the process comes by unharmed first. The process's name is HUB_PROCESS_NAME.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

FAILPOINTS: dict[str, str] = {
    "unit.before_commit": "a unit of work has written everything and not committed",
    "unit.after_commit": "a unit of work has committed and nobody knows yet",
    "handler.before_ack": "a batch is committed and its messages are not acknowledged",
    "handler.after_ack": "a batch is committed and acknowledged",
    "handler.before_retry_publish": "a message failed and is not yet in its delay queue or dead letters",
    "rpc.before_reply": "a call has been carried out and not answered",
    "relay.before_publish": "outbox rows are read and not published",
    "relay.after_publish": "outbox rows are published and not confirmed",
    "relay.before_mark": "outbox rows are confirmed and not marked as sent",
    "relay.after_mark": "outbox rows are marked as sent",
    "sealer.before_commit": "audit entries are sealed and not committed",
    "log.sealed": "messages of the log are chained and not committed",
    "gateway.before_publish": "a push is checked and not published",
    "gateway.after_confirm": "a push is durable and its 202 not sent",
    "delivery.before_send": "a delivery is claimed and not sent",
    "delivery.after_send": "the partner has answered and the hub has not read it",
    "delivery.before_record": "the partner's answer is read and not recorded",
    "log.written": "messages stand in the log, and what they caused is not recorded in the same transaction yet",
    "delivery.after_record": "the partner's answer is recorded",
    "reconciliation.before_save": "a step of a comparison has found differences and not saved them",
    "reconciliation.after_save": "differences are saved and no repair is planned",
    "reconciliation.after_plan": "repairs are planned and none is sent",
    "reconciliation.before_record": "what was repaired is read again and the outcome not recorded",
    "reconciliation.before_finish": "everything is recorded and the reconciliation not ended",
    "letters.before_commit": "a batch of dead letters is replayed or discarded and not committed",
    "letters.after_commit": "a batch of dead letters is replayed or discarded, and more are left",
    "backfill.before_commit": "a page of what a partner is due since it changed is planned and not committed",
    "backfill.after_page": "a page of what a partner is due is planned and the next one not looked at",
    "pull.before_page": "a page of a source is fetched and not stored",
    "pull.after_page": "a page of a source is stored and the next one not asked for",
    "pull.before_commit": "a pull run's pushes, watermark and receipts are written and not committed",
    "pull.after_commit": "a pull run has ended and nobody knows yet",
}
"""Every failpoint there is, and what has and has not happened when a process dies there."""

_directory = os.environ.get("HUB_FAILPOINTS_DIR")
_process = os.environ.get("HUB_PROCESS_NAME", "process")


def failpoint(name: str) -> None:
    """Die here if a test asked for it. Costs one comparison when failpoints are off. Raises KeyError if unknown."""
    if _directory is None:
        return
    if name not in FAILPOINTS:
        raise KeyError(name)
    spot = f"{_process}.{name}"
    hits = Path(_directory, "hits")
    hits.mkdir(parents=True, exist_ok=True)
    (hits / spot).touch()
    armed = Path(_directory, "armed", spot)
    if armed.exists():
        if (unharmed := int(armed.read_text() or 0)) > 0:
            armed.write_text(str(unharmed - 1))
            return
        armed.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)
