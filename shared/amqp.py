"""pika's asyncio connection, but with one system call for many frames.

pika sends each frame by itself, and a message has three: publishing a thousand messages costs three thousand system
calls, each waking the broker. This connection gathers the frames of one turn of the event loop and sends them as one.
"""

from __future__ import annotations

import asyncio

from pika.adapters.asyncio_connection import AsyncioConnection

_FLUSH_BYTES = 65_536


class GatheringConnection(AsyncioConnection):
    """An AsyncioConnection whose frames leave together at the end of the loop's turn, or when 64 KiB have gathered."""

    _gathered: list[bytes] | None = None
    _gathered_bytes = 0

    def _adapter_emit_data(self, data: bytes) -> None:
        # Called by pika for each frame; should it be called otherwise one day, frames leave one by one as before.
        if self._gathered is None:
            self._gathered = []
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._send_gathered)
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        if self._gathered_bytes >= _FLUSH_BYTES:
            self._send_gathered()

    def _send_gathered(self) -> None:
        if self._gathered and not self.is_closed:
            super()._adapter_emit_data(b"".join(self._gathered))
        self._gathered = []
        self._gathered_bytes = 0
