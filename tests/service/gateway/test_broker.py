"""The gateway's link to a real RabbitMQ, and its calls to a real nameko service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import msgspec
import pika
import pytest

from gateway.broker import Broker
from shared.contracts.events import CatalogueChanged, PushAccepted
from shared.envelope import Decoder
from shared.errors import BY_NAME, HubError, Internal, Invalid, Unavailable
from shared.testing import servers
from shared.testing.processes import HubProcess
from shared.topology import queue_name
from tests.service.gateway.proxy import Wire

QUEUE = queue_name("submissions", "push_accepted")


def push(number: int = 0) -> PushAccepted:
    return PushAccepted(
        receipt_id=f"r_{number}",
        client_id="client:csdl",
        partner="nguon",
        fingerprint="f",
        accepted_at=datetime(2016, 12, 20, tzinfo=UTC),
        tie_breaker=f"{number:04}",
        units=["LC"],
        forms=["GD-NAM"],
        body=msgspec.Raw(b'{"form": "GD-NAM", "figures": [{"indicator": "GD06", "value": 3507.60}]}'),
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Broker]:
    broker = Broker(url, **options)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def until(check: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait for `check`, return how long it took."""
    started = time.monotonic()
    while not check():
        assert time.monotonic() - started < seconds
        await asyncio.sleep(0.01)
    return time.monotonic() - started


def taken(url: str) -> list[tuple[pika.BasicProperties, bytes]]:
    """Take everything out of the intake queue."""
    found: list[tuple[pika.BasicProperties, bytes]] = []
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while True:
            method, properties, body = channel.basic_get(QUEUE, auto_ack=True)
            if method is None or properties is None or body is None:
                return found
            found.append((properties, body))


@pytest.fixture(scope="module")
def echo(amqp_url: str) -> Iterator[HubProcess]:
    """The toy service as a process of its own."""
    process = HubProcess(
        ["echo", "--roles", "rpc", "--package", "tests.service.gateway.toys"],
        {"HUB_AMQP_URL": amqp_url, "HUB_METRICS_PORT": "0"},
        "echo",
    )
    process.await_log("process.ready")
    yield process
    process.kill()


def test_a_confirmed_event_stands_in_the_queue_with_its_envelope(amqp_url: str) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            await broker.publish(push(), correlation_id="c-1")

    run(story)
    [(properties, body)] = taken(amqp_url)
    received = Decoder(PushAccepted, QUEUE).read(body, properties.headers or {})
    assert received.data == push()
    assert (received.correlation_id, received.subject, received.attempt) == ("c-1", "r_0", 1)
    assert properties.message_id == str(received.id)
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/json"


def test_many_publishes_are_confirmed_side_by_side_each_under_its_own_id(amqp_url: str) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            await asyncio.gather(*(broker.publish(push(n), correlation_id="c") for n in range(300)))

    run(story)
    found = taken(amqp_url)
    assert len(found) == 300
    assert len({properties.message_id for properties, _ in found}) == 300


def test_an_event_that_no_queue_takes_is_not_accepted_although_the_broker_acks_it(empty_amqp_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(empty_amqp_url)) as connection:
        connection.channel().exchange_declare("hub.events", "topic", durable=True)

    async def story() -> None:
        async with connected(empty_amqp_url) as broker:
            results = await asyncio.gather(
                *(broker.publish(push(n), correlation_id="c") for n in range(5)), return_exceptions=True
            )
            assert [cast("HubError", result).code for result in results] == ["gateway.unroutable"] * 5
            assert broker.connected

    run(story)


def test_without_topology_a_publish_fails_at_once_and_the_link_comes_back(empty_amqp_url: str) -> None:
    async def story() -> None:
        async with connected(empty_amqp_url) as broker:
            with pytest.raises(Unavailable) as caught:
                await broker.publish(push(), correlation_id="c")
            assert caught.value.code == "gateway.outcome_unknown"
            await until(lambda: broker.connected)

    run(story)


def test_during_an_outage_callers_hear_so_at_once_and_the_link_is_back_within_seconds(amqp_url: str) -> None:
    async def story() -> None:
        wire = Wire(amqp_url)
        await wire.mend()
        async with connected(wire.url) as broker:
            await broker.publish(push(1), correlation_id="c")
            await wire.cut()
            await until(lambda: not broker.connected)
            for attempt in (partial(broker.publish, push(2), correlation_id="c"), partial(ask, broker)):
                started = time.monotonic()
                with pytest.raises(Unavailable) as caught:
                    await attempt()
                assert caught.value.code == "gateway.broker_down"
                assert caught.value.context["retry_after"] == 2
                assert time.monotonic() - started < 0.1
            await asyncio.sleep(2.5)  # the waits between attempts have reached their longest
            await wire.mend()
            assert await until(lambda: broker.connected) < 5.0  # about a second on a machine that is not busy
            await broker.publish(push(3), correlation_id="c")
        await wire.cut()

    async def ask(broker: Broker) -> None:
        await broker.call("echo", "echo", correlation_id="c", value=1)

    run(story)
    assert [msgspec.json.decode(body)["receipt_id"] for _, body in taken(amqp_url)] == ["r_1", "r_3"]


def test_a_gateway_started_before_the_broker_connects_when_it_comes(amqp_url: str) -> None:
    async def story() -> None:
        wire = Wire(amqp_url)
        await wire.mend()
        await wire.cut()
        async with connected(wire.url) as broker:
            assert not broker.connected
            await wire.mend()
            await until(lambda: broker.connected)
        await wire.cut()

    run(story)


def test_what_is_pending_when_the_connection_drops_fails_at_once(amqp_url: str, echo: HubProcess) -> None:
    async def story() -> None:
        wire = Wire(amqp_url)
        await wire.mend()
        async with connected(wire.url) as broker:
            call = asyncio.create_task(broker.call("echo", "sleep", correlation_id="c", seconds=5))
            await asyncio.sleep(0.2)
            started = time.monotonic()
            await wire.cut()
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.code == "gateway.outcome_unknown"
            assert time.monotonic() - started < 1
        await wire.cut()

    run(story)


def test_a_connection_closed_by_the_broker_is_opened_anew(amqp_url: str) -> None:
    control = servers.broker_control()
    if control is None or not hasattr(control, "run"):
        pytest.skip("this broker's connections cannot be closed from here")

    async def story() -> None:
        async with connected(amqp_url) as broker:
            vhost = pika.URLParameters(amqp_url).virtual_host
            # The broker lists a connection a moment after it stands, so closing is asked until it happens.
            while broker.connected:
                await asyncio.to_thread(control.run, "close_all_connections", "--vhost", vhost, "test")
            await until(lambda: broker.connected)
            await broker.publish(push(9), correlation_id="c")

    run(story)
    assert len(taken(amqp_url)) == 1


def test_a_broker_short_of_memory_is_refused_at_once(amqp_url: str) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            assert broker._link is not None
            broker._link.blocked = True  # as `connection.blocked` does; a real alarm would stop every other test
            assert not broker.connected
            with pytest.raises(Unavailable) as caught:
                await broker.publish(push(), correlation_id="c")
            assert caught.value.code == "gateway.broker_blocked"

    run(story)


def test_a_call_brings_the_result_as_bytes(amqp_url: str, echo: HubProcess) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            value = {"tên": "Mường Tè", "số": "3507.6", "trống": None}
            raw = await broker.call("echo", "echo", correlation_id="c", value=value)
            assert isinstance(raw, msgspec.Raw)
            assert msgspec.json.decode(raw) == value
            assert bytes(await broker.call("echo", "echo", correlation_id="c", value=None)) == b"null"

    run(story)


def test_calls_side_by_side_get_their_own_answers(amqp_url: str, echo: HubProcess) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            raws = await asyncio.gather(*(broker.call("echo", "echo", correlation_id="c", value=n) for n in range(100)))
            assert [msgspec.json.decode(raw) for raw in raws] == list(range(100))

    run(story)


@pytest.mark.parametrize("kind", BY_NAME)
@pytest.mark.parametrize("detail", [None, "Không có hồ sơ."])
def test_errors_come_through_as_themselves(amqp_url: str, echo: HubProcess, kind: str, detail: str | None) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            with pytest.raises(BY_NAME[kind]) as caught:
                await broker.call("echo", "fail", correlation_id="c", kind=kind, detail=detail)
            error = caught.value
            assert (error.code, error.message, error.detail) == ("echo.failed", "it failed", detail)
            assert error.context == {"round": 2, "errors": [{"place": "$"}]}

    run(story)


def test_a_strangers_error_is_internal_and_a_wrong_call_is_refused(amqp_url: str, echo: HubProcess) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            with pytest.raises(Internal):
                await broker.call("echo", "fail", correlation_id="c", kind="stranger", detail=None)
            with pytest.raises((Internal, Invalid)):
                await broker.call("echo", "unknown", correlation_id="c")

    run(story)


def test_a_slow_answer_is_given_up_and_a_service_that_never_was_is_told_at_once(
    amqp_url: str, echo: HubProcess
) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            with pytest.raises(Unavailable) as caught:
                await broker.call("echo", "sleep", correlation_id="c", timeout_seconds=0.2, seconds=0.5)
            assert caught.value.code == "gateway.rpc_timeout"
            started = time.monotonic()
            with pytest.raises(Unavailable) as caught:
                await broker.call("nobody", "ask", correlation_id="c")
            assert caught.value.code == "gateway.service_absent"
            assert time.monotonic() - started < 1
            assert bytes(await broker.call("echo", "echo", correlation_id="c", value=1)) == b"1"

    run(story)


def test_a_call_nobody_waits_for_expires_in_the_queue(amqp_url: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.exchange_declare("nameko-rpc", "topic", durable=True)
        channel.queue_declare("rpc-stopped", durable=True)
        channel.queue_bind("rpc-stopped", "nameko-rpc", "stopped.*")

        async def story() -> None:
            async with connected(amqp_url) as broker:
                with pytest.raises(Unavailable):
                    await broker.call("stopped", "ask", correlation_id="c", timeout_seconds=0.2)
                await asyncio.sleep(0.2)

        run(story)
        assert channel.basic_get("rpc-stopped")[0] is None


def test_events_of_other_kinds_pass_too(amqp_url: str) -> None:
    async def story() -> None:
        async with connected(amqp_url) as broker:
            await broker.publish(CatalogueChanged(version=1, entries=None), correlation_id="c")

    run(story)
