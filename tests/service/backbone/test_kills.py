"""A process killed at any of its failpoints loses nothing and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.errors import NotFound
from shared.testing import broker
from shared.testing.processes import eventually
from tests.conftest import Services
from tests.service.backbone.conftest import PACKAGE, submitted
from tests.service.backbone.test_handles import QUEUE, count, seen


def arm(directory: Path, process: str, failpoint: str) -> None:
    (directory / "armed").mkdir(exist_ok=True)
    (directory / "armed" / f"{process}.{failpoint}").touch()


@pytest.mark.parametrize(
    "failpoint", ["unit.before_commit", "unit.after_commit", "handler.before_ack", "handler.after_ack"]
)
def test_a_killed_worker_neither_loses_nor_doubles(
    failpoint: str, run_service: Services, approval: Engine, amqp_url: str, tmp_path: Path
) -> None:
    with approval.begin() as connection:
        connection.exec_driver_sql("DROP TABLE ticks")  # else the toy's timer would trip over the failpoint
    arm(tmp_path, "toy", failpoint)
    with broker.channel(amqp_url) as channel:
        for number in range(30):
            broker.publish_on(channel, submitted(str(number)))
    worker = run_service(
        "approval", "worker", *PACKAGE, wait=False, HUB_FAILPOINTS_DIR=str(tmp_path), HUB_PROCESS_NAME="toy"
    )
    assert worker.wait() == -9
    worker.start()
    worker.await_log("process.ready")
    eventually(lambda: len(seen(approval)) == 30 and broker.depth(amqp_url, QUEUE) == 0)
    assert worker.stop() == 0
    assert {subject for subject, _ in seen(approval)} == {str(number) for number in range(30)}
    assert (count(approval, "outbox"), count(approval, "audit")) == (30, 30)
    assert (tmp_path / "hits" / f"toy.{failpoint}").exists()


def test_a_killed_rpc_server_is_answered_for_by_the_next(
    run_service: Services, approval: Engine, amqp_url: str, tmp_path: Path
) -> None:
    arm(tmp_path, "toy", "rpc.before_reply")
    service = run_service("approval", "rpc", *PACKAGE, HUB_FAILPOINTS_DIR=str(tmp_path), HUB_PROCESS_NAME="toy")
    run_service("approval", "rpc", *PACKAGE, HUB_PROCESS_NAME="second")
    for _ in range(3):  # whichever of the two gets the call, the caller gets its answer
        with pytest.raises(NotFound):
            broker.call(amqp_url, "approval", "count", timeout_seconds=20)
    assert service.wait() == -9
