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
from services.integration.domain.reconciliation import EXTRA, Cell, Group
from services.integration.reconciling import Reconciler
from services.integration.sender import Sender
from services.integration.service import IntegrationService
from services.integration.settings import IntegrationSettings
from shared.contracts.views.integration import ReconciliationView
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
STATUSES = st.dictionaries(st.tuples(KEYS, st.sampled_from(NAMES)), st.just("estimate"), max_size=3)
"""Entries that the partner holds under another status."""
VERSIONS = st.dictionaries(KEYS, st.integers(2, 9), max_size=2)
"""Keys that the partner holds under a newer version than ours, because somebody else gave it one."""


@dataclass
class InMemory:
    """A partner's client and store in one, without a wire between them."""

    store: Store
    cost: Cost = field(default_factory=Cost)

    def submit(self, packet: Packet) -> Answer:
        values = {name: Value(value, status) for name, value, status in packet.values}
        place = packet.form, packet.unit, packet.period, packet.version
        told = self.store.submit(Received(packet.message_id, *place, packet.content_hash, values))
        said = Said.APPLIED if told["state"] in ("applied", "already_applied") else Said.SUPERSEDED
        return Answer(said, version=told["version"])

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
    statuses=STATUSES,
    versions=VERSIONS,
    deletes=st.booleans(),
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
    statuses: dict[tuple[tuple[str, str], str], str],
    versions: dict[tuple[str, str], int],
    deletes: bool,
    way: str,
) -> None:
    """What may not be dropped and what is newer there is left to people, who allow the one and force the other."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE contents, holdings, ledger, deliveries, reconciliations, differences, known_differences, "
                "earlier_entries, chunks"
            )
        )
        connection.execute(
            text(
                "UPDATE partners SET details = details || jsonb_build_object("
                "'comparing', cast(:way AS text), 'deletes', cast(:deletes AS boolean))"
            ),
            {"way": way, "deletes": deletes},
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
        (form, "12", period): Bucket(
            versions.get((form, period), 1),
            {name: Value(value, statuses.get(((form, period), name), "official")) for name, value in values.items()},
        )
        for (form, period), values in theirs.items()
    }
    for (form, period), name in doubled:
        bucket = client.store.buckets.get((form, "12", period))
        if bucket is not None and name in bucket.values:
            bucket.repeated.append((name, bucket.values[name]))
    held = {key: bucket.rows() for key, bucket in client.store.buckets.items()}

    def reconcile() -> ReconciliationView:
        started = service.reconcile(ACTOR, "bo-nganh", True)
        for _ in range(4):
            Reconciler(unit, settings, lambda *_: client).work()
            work()
        return service.read_reconciliation(ACTOR, started.id)

    found = reconcile()
    differing = set()
    for form, period in ours.keys() | theirs.keys():
        wanted = ours.get((form, period), {})
        there = held.get((form, "12", period), [])
        for name in wanted.keys() | {name for name, _ in there}:
            listed = [(value.value, value.status) for other, value in there if other == name]
            if listed != ([(wanted[name], "official")] if name in wanted else []):
                differing.add((form, period, name))
    assert {(item.form, item.period, item.indicator) for item in found.differences} == differing
    newer = {key for key in versions if key in ours and theirs.get(key)}  # without entries no version can be read
    left = [item for item in found.differences if item.state != "repaired"]
    assert {(item.form, item.period) for item in left if item.kind == "newer_version"} == {
        (form, period) for form, period, _ in differing if (form, period) in newer
    }
    assert all(item.state == "task" for item in left), left
    assert found.equal == (not left), found
    assert deletes or not any(item.kind in EXTRA for item in found.differences if item.state == "repaired")
    if left:
        with engine.begin() as connection:
            connection.execute(text("UPDATE partners SET details = details || '{\"deletes\": true}'"))
        forced = set()
        for item in service.list_differences(ACTOR, kind="newer_version", limit=200).differences:
            if (item.form, item.period) not in forced:
                service.force_difference(ACTOR, item.id, "của tỉnh đúng")
                forced.add((item.form, item.period))
        work()
        again = reconcile()
        assert again.equal, again
    after = {
        (form, period): {name: value.value for name, value in bucket.rows()}
        for (form, _, period), bucket in client.store.buckets.items()
        if bucket.values or bucket.repeated
    }
    assert after == {key: values for key, values in ours.items() if values}
