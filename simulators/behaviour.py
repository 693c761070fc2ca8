"""One call to the far side: the fault that strikes it, then what the store says. Both protocols come through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulators.faults import Fault, Faults
from simulators.store import Packet, Refused, Store


class Broken(Exception):
    """The answer is to be broken in this way: `unavailable`, `error`, `soap_fault` or `malformed`."""

    def __init__(self, kind: str, retry_after: int = 1) -> None:
        super().__init__(kind)
        self.kind = kind
        self.retry_after = retry_after


@dataclass(slots=True)
class FarSide:
    """A partner's system: store, faults, and packets that wait to be applied late."""

    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=Faults)
    late: dict[str, Packet] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def submit(self, packet: Packet) -> dict[str, Any]:
        """Receive a packet, under whatever fault is armed. Raises Refused or Broken."""
        store = self.store  # what is applied late goes to the store of its time, also if that was emptied since
        fault = self.faults.take("submit")
        if fault is None:
            return store.submit(packet)
        if fault.kind == "refuse":
            raise Refused("packet.refused", "the receiver refuses this packet")
        if fault.kind == "apply_late":
            self.late[packet.message_id] = packet
            await asyncio.sleep(fault.seconds)
            raise Broken("error")
        if fault.kind in {"malformed", "timeout_after"}:
            answer = store.submit(packet)
            if fault.kind == "malformed":
                raise Broken("malformed")
            await asyncio.sleep(fault.seconds)
            return answer
        await self._strike(fault)
        return store.submit(packet)

    async def status(self, message_id: str) -> dict[str, Any]:
        """Answer a status question; a packet held back by `apply_late` is applied right after the answer."""
        await self._strike(self.faults.take("status"))
        answer = self.store.status(message_id)
        packet = self.late.pop(message_id, None)
        if packet is not None:
            task = asyncio.create_task(self._apply_late(self.store, packet))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return answer

    async def read(self, operation: str, question: Callable[[Store], Any]) -> Any:
        """Answer a digest or listing question under whatever fault is armed for it."""
        await self._strike(self.faults.take(operation))
        return question(self.store)

    def reset(self) -> None:
        """Forget everything: values, messages, journal and faults."""
        self.store = Store()
        self.late.clear()
        self.faults.arm([])
        self.faults.struck.clear()

    @staticmethod
    async def _apply_late(store: Store, packet: Packet) -> None:
        await asyncio.sleep(0.05)  # after the answer has left: that is the point of this fault
        store.submit(packet)

    @staticmethod
    async def _strike(fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.kind in {"delay", "timeout_before", "timeout_after"}:
            await asyncio.sleep(fault.seconds)
        if fault.kind == "timeout_before":
            raise Broken("error")
        if fault.kind == "refuse":
            raise Refused("far_side.refused", "the receiver refuses this call")
        if fault.kind in {"unavailable", "error", "soap_fault", "malformed"}:
            raise Broken(fault.kind, fault.retry_after)
