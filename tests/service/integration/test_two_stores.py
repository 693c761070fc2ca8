"""Whatever the two sides hold: every difference is found, nothing else is, and repairs end in equality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from services.integration.clients.protocol import Cost, Listed, Listing
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from services.integration.reconciling import Reconciler
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.digest import Brief, Digest
from shared.storage import UnitOfWork
from simulators.store import Bucket, Question, Store, Value
from simulators.store import Packet as Received
from tests.service.integration.conftest import ACTOR, Record, recorded, states

NAMES = [f"I{number:02}" for number in range(30)]
VALUES = st.sampled_from([None, "1", "2", "10", "1.5", "0"])
KEYS = st.sampled_from([("GD-NAM", "2016"), ("GD-NAM", "2017"), ("YT-NAM", "2016"), ("NN-NAM", "2015")])
CONTENT = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)),  # long enough to be searched by groups
)
STORES = st.dictionaries(KEYS, CONTENT, max_size=4)


@dataclass
class InMemory:
    """A partner's client and store in one, without a wire between them."""

    store: Store
    cost: Cost = field(default_factory=Cost)

    def submit(self, packet: Packet) -> Answer:
        values = {name: Value(value, status) for name, value, status in packet.values}
        place = packet.form, packet.unit, packet.period, packet.version
        state = self.store.submit(Received(packet.message_id, *place, packet.content_hash, values))["state"]
        return Answer(Said.APPLIED if state in ("applied", "already_applied") else Said.SUPERSEDED)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        rows = self.store.digests(level, Question(period=period, form=form))
        return {(row["period"], row["form"], row["unit"]): Digest.parse(row["count"], row["digest"]) for row in rows}

    def groups(self, period: str, form: str, groups: int, units: Sequence[str]) -> dict[tuple[str, int], Brief]:
        rows = self.store.digests("group", Question(period=period, form=form, groups=groups, units=tuple(units)))
        return {(row["unit"], row["share"]): Brief.parse(row["count"], row["digest"]) for row in rows}

    def entries(self, period: str, form: str, groups: int, chosen: Sequence[tuple[str, int]]) -> dict[str, Listing]:
        found: dict[str, Listing] = {}
        asked = Question(period=period, form=form, groups=groups, of=tuple(chosen))
        for (_, unit, _), name, held, version in self.store.values(asked)[0]:
            found.setdefault(unit, Listing()).add(name, Cell(held.value, held.status), version)
        return found

    def values(self, form: str, unit: str, period: str) -> Listing:
        return self.entries(period, form, 1, [(unit, 0)]).get(unit, Listing())

    def parts(self, *_: object) -> Any:
        raise AssertionError("no form here has that many keys")

    units = status = parts

    def listing(self) -> Any:
        rows = self.store.values(Question(), None, 10_000)[0]
        yield [Listed(p, f, u, name, Cell(v.value, v.status), version) for (f, u, p), name, v, version in rows]

    def close(self) -> None:
        pass


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    ours=STORES,
    theirs=STORES,
    doubled=st.sets(st.tuples(KEYS, st.sampled_from(NAMES)), max_size=2),
    way=st.sampled_from(["digest", "listing"]),
)
def test_any_two_stores_are_equal_after_repair(
    engine: Engine,
    unit: UnitOfWork,
    record: Record,
    service: IntegrationService,
    settings: IntegrationSettings,
    ours: dict[tuple[str, str], dict[str, str | None]],
    theirs: dict[tuple[str, str], dict[str, str | None]],
    doubled: set[tuple[tuple[str, str], str]],
    way: str,
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE contents, holdings, ledger, deliveries, reconciliations, differences, known_differences, "
                "earlier_entries, chunks"
            )
        )
        connection.execute(
            text("UPDATE partners SET details = jsonb_set(details, '{comparing}', to_jsonb(cast(:way AS text)))"),
            {"way": way},
        )
    client = InMemory(Store())

    def work() -> None:
        sender = Sender(unit, "bo-nganh", settings, lambda *_: client)
        while {"planned", "sending", "waiting"} & set(states(engine, "bo-nganh")):
            sender.step()
        sender.close()

    record(*(recorded(form, 1, period=period, **values) for (form, period), values in ours.items()))
    work()
    client.store.buckets = {
        (form, "12", period): Bucket(1, {name: Value(value, "official") for name, value in values.items()})
        for (form, period), values in theirs.items()
    }
    for (form, period), name in doubled:
        bucket = client.store.buckets.get((form, "12", period))
        if bucket is not None and name in bucket.values:
            bucket.repeated.append((name, bucket.values[name]))
    held = {key: bucket.rows() for key, bucket in client.store.buckets.items()}

    started = service.reconcile(ACTOR, "bo-nganh", True)
    for _ in range(4):
        Reconciler(unit, settings, lambda *_: client).work()
        work()
    found = service.read_reconciliation(ACTOR, started.id)
    differing = set()
    for form, period in ours.keys() | theirs.keys():
        wanted = ours.get((form, period), {})
        there = held.get((form, "12", period), [])
        for name in wanted.keys() | {name for name, _ in there}:
            listed = [value.value for other, value in there if other == name]
            if listed != ([wanted[name]] if name in wanted else []):
                differing.add((form, period, name))
    assert {(item.form, item.period, item.indicator) for item in found.differences} == differing
    assert (found.equal, found.state) == (True, "repaired" if differing else "equal"), found
    assert {item.state for item in found.differences} <= {"repaired"}
    after = {
        (form, period): {name: value.value for name, value in bucket.rows()}
        for (form, _, period), bucket in client.store.buckets.items()
        if bucket.values or bucket.repeated
    }
    assert after == {key: values for key, values in ours.items() if values}
