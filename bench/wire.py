"""A lean HTTP/1.1 client: one connection, one request at a time. The client shares the processors with what it
measures, so it does no more than a benchmark needs (answers must carry Content-Length)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit


class Refused(AssertionError):
    """The server answered otherwise than a benchmark expects."""


class Wire(asyncio.Protocol):
    """One connection to the gateway."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._head = b""

    @classmethod
    async def open(cls, url: str, token: str) -> Wire:
        """Connect; every request presents `token`."""
        parts = urlsplit(url)
        _, wire = await asyncio.get_running_loop().create_connection(cls, parts.hostname or "", parts.port or 80)
        wire._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n".encode()
        return wire

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: str = "", *, settle: tuple[int, ...] = (200,)
    ) -> bytes:
        """Return the answer's body. Raises Refused unless its status is one of `settle`."""
        transport = self._transport
        if transport is None:
            raise Refused("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        size = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        transport.write(
            b"%s %s HTTP/1.1\r\n%s%s%s\r\n%s"
            % (method.encode(), path.encode(), self._head, headers.encode(), size.encode(), body)
        )
        status, answer = await self._answer
        if status not in settle:
            raise Refused(f"{method} {path}: {status} {answer[:500].decode(errors='replace')}")
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    # -- asyncio.Protocol --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = transport  # type: ignore[assignment]  # of a TCP connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused(f"connection lost: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: settle the request once its answer is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head.split(b" ", 2)[1]), body))
