"""From outbox through relay and broker to a handler's committed effect: 1 KiB per message, one relay, one worker."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from bench.ground import Ground, wait_for
from bench.result import Measure, Result, middle, percentile
from shared.contracts.events import Event, SubmissionFinalised, SubmissionSubmitted
from shared.waking import WOKEN

EFFECTS = "CREATE TABLE effects (id bigserial PRIMARY KEY, subject text NOT NULL)"
SIZE = 1024
_TICK_SECONDS = 0.005
_MOST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Line:
    """One way through the backbone: a relayed database, and the worker that takes its events."""

    event: Event
    worker: str
    outbox_url: str
    effects_url: str

    def fill(self, count: int, first: int = 0) -> None:
        """Put `count` events into the outbox, in one transaction."""
        body = msgspec.json.encode(self.event)
        with psycopg.connect(self.outbox_url) as connection:
            connection.execute(
                "INSERT INTO outbox (message_id, event, schema, subject, correlation_id, body) "
                "SELECT uuidv7(), %s, 1, 'bench', 'bench', convert_to(replace(%s, '<number>', "
                "lpad(number::text, 8, '0')), 'UTF8') FROM generate_series(%s::int, %s::int) AS number "
                f"CROSS JOIN {WOKEN}",
                (self.event.event, body.decode(), first, first + count - 1),
            )

    def effects(self) -> int:
        """Return how many effects are committed."""
        return int(self._asked(self.effects_url, "SELECT count(*) FROM effects"))

    def sent(self) -> int:
        """Return how many messages the broker has confirmed."""
        return int(self._asked(self.outbox_url, "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL"))

    def last_effect(self) -> float:
        """Return when the last effect was committed, in seconds since 1970."""
        question = "SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float FROM effects"
        return float(self._asked(self.effects_url, question))

    @staticmethod
    def _asked(url: str, question: str) -> Any:
        with psycopg.connect(url) as connection:
            row = connection.execute(question).fetchone()
        return row[0] if row else None


def line(ground: Ground, setwise: bool) -> Line:
    """Make the databases of a line; the caller starts relay and worker."""
    outbox = ground.toy_database("submissions")
    worker = "indicators" if setwise else "approval"
    return Line(_event(setwise), worker, outbox, ground.toy_database(worker, EFFECTS))


def start_worker(ground: Ground, worker: str) -> int:
    """Start the toy's worker; return its process id when it consumes."""
    arguments = (worker, "--roles", "worker", "--package", "bench.toys")
    return ground.toy(*arguments, ready="consumer.ready").process.pid


def start_relay(ground: Ground) -> int:
    """Start the relay of the toys' outbox; return its process id when it has the lock."""
    return ground.toy("relay", "--services", "submissions", ready="relay.active").process.pid


def run(ground: Ground) -> Result:
    """Measure rates of a filled outbox, then waits at 1,000 messages per second."""
    rounds, count, seconds = (1, 5_000, 4) if ground.quick else (3, 20_000, 15)
    plain = [rate(ground, setwise=False, count=count) for _ in range(rounds)]
    setwise = [rate(ground, setwise=True, count=count) for _ in range(rounds)]
    waits = _waits(ground, seconds)
    return Result(
        "outbox",
        [
            Measure("outbox to inbox, plain handler", middle(plain), "msg/s", bar=2_500),
            Measure("outbox to inbox, set-wise handler", middle(setwise), "msg/s", bar=4_000),
            Measure("at 1,000/s: p99 to the committed effect", percentile(waits, 99) * 1000, "ms", bar=53, least=False),
            Measure("at 1,000/s: median", percentile(waits, 50) * 1000, "ms"),
        ],
        [
            f"rounds: {', '.join(f'{value:.0f}' for value in plain)} plain, "
            f"{', '.join(f'{value:.0f}' for value in setwise)} set-wise"
        ],
    )


def rate(ground: Ground, *, setwise: bool, count: int) -> float:
    """Return messages per second from the commit that fills the outbox to the last effect's."""
    way = line(ground, setwise)
    start_worker(ground, way.worker)
    start_relay(ground)
    way.fill(500)  # warm-up: connections, prepared statements, code paths
    wait_for(lambda: way.effects() == 500, "the warm-up")
    way.fill(count, 500)
    begun = time.time()
    wait_for(lambda: way.effects() == count + 500, f"{count} effects", _MOST_SECONDS, step=0.3)
    ground.stop_toys()
    return count / (way.last_effect() - begun)


def _waits(ground: Ground, seconds: int) -> list[float]:
    """Offer 1,000 messages per second, five each 5 ms whatever becomes of them; return each message's time from when it
    was due in the outbox to its effect's commit."""
    way = line(ground, setwise=False)
    start_worker(ground, way.worker)
    start_relay(ground)
    way.fill(500)
    wait_for(lambda: way.effects() == 500, "the warm-up")
    with psycopg.connect(way.effects_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")  # what the rounds before have written is not these messages' to wait for
    due = _offer(way, seconds)
    wait_for(lambda: way.effects() == len(due) + 500, "the last effect")
    with psycopg.connect(way.effects_url) as connection:
        rows = connection.execute(
            "SELECT subject, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float FROM effects"
        ).fetchall()
    ground.stop_toys()
    return [at - due[subject] for subject, at in rows if subject in due]


def _offer(way: Line, seconds: int) -> dict[str, float]:
    """Insert on schedule from a few connections in turn, so that one slow commit delays no other."""
    body = msgspec.json.encode(way.event).decode()
    statement = (
        "INSERT INTO outbox (message_id, event, schema, subject, correlation_id, body) "
        "SELECT uuidv7(), %s, 1, 'bench', 'bench', convert_to(replace(%s, '<number>', number), 'UTF8') "
        f"FROM unnest(%s::text[]) AS number CROSS JOIN {WOKEN}"
    )
    due: dict[str, float] = {}
    begin = time.time() + 0.5
    lanes = 4

    def lane(number: int) -> None:
        with psycopg.connect(way.outbox_url, autocommit=True) as connection:
            for tick in range(number, int(seconds / _TICK_SECONDS), lanes):
                at = begin + tick * _TICK_SECONDS
                names = [f"{1_000_000 + tick * 5 + each:08}" for each in range(5)]
                due.update(dict.fromkeys(names, at))
                time.sleep(max(0.0, at - time.time()))
                connection.execute(statement, (way.event.event, body, names), prepare=True)

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return due


def _event(setwise: bool) -> Event:
    """Return an event of 1 KiB as JSON; its submission id is to be replaced by eight digits."""
    now = datetime.now(UTC)
    head: dict[str, Any] = {
        "submission_id": "<number>",
        "round": 1,
        "form": "f",
        "unit": "u",
        "agency": "a",
        "period": "2016",
    }

    def made(padding: str) -> Event:
        if setwise:
            return SubmissionFinalised(
                **head, content_hash=padding, level="province", approved_at=now, index=0, total=1, figures=[]
            )
        return SubmissionSubmitted(
            **head, content_hash=padding, submitted_by="s", authors=["s"], submitted_at=now, figure_count=1
        )

    return made("h" * (SIZE - len(msgspec.json.encode(made("")))))
