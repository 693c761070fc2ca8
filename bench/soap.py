"""Delivery by SOAP: the integration worker's own senders (claim, call, record, each committed) against bare zeep calls
with the same packets, the same validation by the same far side, and the same number at once."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import zeep
from lxml import etree

import shared
from bench.ground import Connection, Ground, wait_for
from bench.result import Measure, Result, middle
from services.integration import intake
from services.integration.clients.soap import NAMESPACE
from services.integration.settings import IntegrationSettings
from shared.canonical import content_hash
from shared.contracts.events import Observation, ObservationsRecorded
from shared.contracts.hashes import release_hash
from shared.envelope import Received, new_message_id
from shared.settings import database_url
from shared.storage import UnitOfWork, engine_for_url

PARTNER = "quoc-gia"
_FORM = "DS-NAM"  # only the national system takes this form
_BARE_FORM = "DS-TAY"  # keys of its own: the far side refuses versions older than it has
_VALUES = 25
_WARM = 30  # the first acknowledgements pay for imports and the reading of the WSDL, which bare zeep does beforehand
_PROCESS = "integration-worker"
_WSDL = Path(shared.__file__).parent / "schemas" / "reporting.wsdl"


@dataclass(frozen=True)
class Place:
    """One key that gets a packet."""

    unit: str
    code: str
    period: str


def run(ground: Ground) -> Result:
    """Take turns: the hub's senders, bare zeep."""
    rounds, count = (1, 100) if ground.quick else (3, 300)
    senders = IntegrationSettings(secrets=ground.settings.secrets).senders
    ours, baseline = [], []
    with ground.database("integration") as connection:
        places = _places(connection, count)
        for turn in range(1, rounds + 1):
            ours.append(_delivered(ground, connection, places, turn))
            baseline.append(_bare(ground, places, turn, senders))
    return Result(
        "soap",
        [Measure(f"packets of {_VALUES} values, {senders} at once", middle(ours), "packets/s", middle(baseline), 0.7)],
        [f"rounds, ours/bare: {', '.join(f'{o:.0f}/{b:.0f}' for o, b in zip(ours, baseline, strict=True))}"],
    )


def _places(connection: Connection, count: int) -> list[Place]:
    rows = connection.execute(
        "SELECT id, body->'codes'->0->>'code' FROM replica_entries WHERE kind = 'unit' AND body->>'kind' = 'commune' "
        "AND jsonb_array_length(body->'codes') = 1 ORDER BY id"
    ).fetchall()
    known = {code: unit for unit, code in rows}  # a code that went on to another unit counts once
    return [Place(unit, code, str(year)) for year in range(2005, 2025) for code, unit in known.items()][:count]


def _values(turn: int) -> list[tuple[str, str]]:
    return [(f"DS{number:02}", str(1000 + turn * 100 + number)) for number in range(1, _VALUES + 1)]


def _delivered(ground: Ground, connection: Connection, places: list[Place], turn: int) -> float:
    """Plan deliveries while the worker is stopped, start it, return deliveries per second between the first few
    acknowledgements and the last."""
    supervisor = ground.installation.supervisor
    supervisor.stop_process(_PROCESS)
    messages = [_recorded(place, turn) for place in places]
    url = database_url(ground.installation.urls["integration"], f"{ground.settings.database_prefix}integration")
    engine = engine_for_url(url)
    with UnitOfWork.for_engine(engine, "integration")() as unit:
        intake.take(unit, messages)
    engine.dispose()
    last = connection.execute("SELECT max(id) - %s FROM deliveries", (len(places),)).fetchone()
    if last is None:
        raise AssertionError("nothing was planned")
    supervisor.start_process(_PROCESS)

    def done() -> bool:
        row = connection.execute(
            "SELECT count(*) FROM deliveries WHERE id > %s AND state = 'acknowledged'", last
        ).fetchone()
        return row == (len(places),)

    wait_for(done, f"{len(places)} acknowledgements")
    row = connection.execute(
        "SELECT extract(epoch FROM max(updated_at) - (array_agg(updated_at ORDER BY updated_at))[%s])::float "
        "FROM deliveries WHERE id > %s",
        (_WARM, *last),
    ).fetchone()
    return (len(places) - _WARM) / float(row[0]) if row else 0.0


def _recorded(place: Place, turn: int) -> Received[ObservationsRecorded]:
    observations = [Observation(name, value) for name, value in _values(turn)]
    event = ObservationsRecorded(
        batch=turn,
        version=turn,
        form=_FORM,
        unit=place.unit,
        agency="LC-STK",
        period=place.period,
        level="province",
        submission_id="bench",
        round=turn,
        content_hash=release_hash(_FORM, place.unit, place.period, turn, observations),
        index=0,
        total=1,
        observations=observations,
    )
    return Received(event, new_message_id(), "bench", datetime.now(UTC))


def _bare(ground: Ground, places: list[Place], turn: int, senders: int) -> float:
    """Send the same packets by plain zeep clients, one per thread."""
    token = (ground.settings.secrets / f"partner_{PARTNER}").read_text().strip()
    endpoint = f"http://127.0.0.1:{ground.settings.national_port}/soap"
    parts = [places[number::senders] for number in range(senders)]
    services = [_service(endpoint) for _ in parts]
    header = etree.Element(f"{{{NAMESPACE}}}Token")
    header.text = token

    def send(service: Any, part: list[Place]) -> None:
        for place in part:
            values = [(f"T12.{name}", value, "official") for name, value in _values(turn)]
            answer = service.SubmitReportData(
                message_id=str(uuid.uuid4()),
                sender="bench",
                form=_BARE_FORM,
                unit=place.code,
                period=place.period,
                version=turn,
                content_hash=content_hash((_BARE_FORM, place.code, place.period, str(turn)), values),
                value=[
                    {"indicator": name, "amount": Decimal(value), "status": status} for name, value, status in values
                ],
                _soapheaders=[header],
            )
            if answer.state != "applied":
                raise AssertionError(f"the far side answered {answer.state}")

    begun = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        list(pool.map(send, services, parts))
    return len(places) / (time.perf_counter() - begun)


def _service(endpoint: str) -> Any:
    settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    client = zeep.Client(str(_WSDL), settings=settings)  # type: ignore[no-untyped-call]  # zeep
    return client.create_service(f"{{{NAMESPACE}}}ReportingBinding", endpoint)  # type: ignore[no-untyped-call]  # zeep
