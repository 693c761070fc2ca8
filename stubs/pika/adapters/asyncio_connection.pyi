import asyncio
from collections.abc import Callable
from typing import Any

from pika.connection import Connection, Parameters

class AsyncioConnection(Connection):
    def __init__(
        self,
        parameters: Parameters | None = None,
        on_open_callback: Callable[[AsyncioConnection], object] | None = None,
        on_open_error_callback: Callable[[AsyncioConnection, BaseException], object] | None = None,
        on_close_callback: Callable[[AsyncioConnection, BaseException], object] | None = None,
        custom_ioloop: asyncio.AbstractEventLoop | None = None,
        internal_connection_workflow: bool = True,
    ) -> None: ...
    @property
    def ioloop(self) -> Any: ...
    def _adapter_emit_data(self, data: bytes) -> None: ...
