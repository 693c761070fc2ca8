"""Answers of calls leave without confirms; a connection that has died is noticed before one is lost on it."""

from __future__ import annotations

import asyncio

import pytest

from shared.replies import Replies
from shared.testing import broker
from tests.service.gateway.proxy import Wire


def test_an_answer_after_a_cut_goes_over_a_new_connection(amqp_url: str) -> None:
    with broker.channel(amqp_url) as channel:
        channel.exchange_declare("nameko-rpc", "topic", durable=True)
        channel.queue_declare("answers")
        channel.queue_bind("answers", "nameko-rpc", "caller")

    def arrived(body: bytes) -> None:
        assert [found for _, found in broker.take(amqp_url, "answers")] == [body]

    async def story() -> None:
        wire = Wire(amqp_url)
        await wire.mend()
        replies = Replies(wire.url, "nameko-rpc")

        async def answered(body: bytes) -> None:
            await asyncio.to_thread(replies.send, body, "caller", "c")
            await asyncio.to_thread(arrived, body)

        await answered(b"1")
        await answered(b"2")
        await wire.cut()
        with pytest.raises(OSError, match="could not be sent"):
            await asyncio.to_thread(replies.send, b"lost", "caller", "c")
        await wire.mend()
        await answered(b"3")
        await wire.cut()
        await wire.mend()
        await answered(b"4")
        replies.close()
        await wire.cut()

    asyncio.run(story())
