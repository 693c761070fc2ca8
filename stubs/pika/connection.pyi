from collections.abc import Callable
from typing import Any

from pika.channel import Channel

class Parameters:
    host: str
    port: int
    virtual_host: str
    heartbeat: int | None
    blocked_connection_timeout: float | None
    socket_timeout: float | None
    stack_timeout: float | None
    connection_attempts: int
    retry_delay: float
    client_properties: dict[str, Any] | None

class ConnectionParameters(Parameters):
    def __init__(
        self,
        host: str = ...,
        port: int = ...,
        virtual_host: str = ...,
        credentials: Any = ...,
        **options: Any,
    ) -> None: ...

class URLParameters(Parameters):
    def __init__(self, url: str) -> None: ...

class Connection:
    @property
    def is_open(self) -> bool: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def is_closing(self) -> bool: ...
    params: Parameters
    def close(self, reply_code: int = 200, reply_text: str = "Normal shutdown") -> None: ...
    def channel(
        self, channel_number: int | None = None, on_open_callback: Callable[[Channel], object] | None = None
    ) -> Channel: ...
    def add_on_close_callback(self, callback: Callable[[Connection, BaseException], object]) -> None: ...
    def add_on_connection_blocked_callback(self, callback: Callable[[Connection, Any], object]) -> None: ...
    def add_on_connection_unblocked_callback(self, callback: Callable[[Connection, Any], object]) -> None: ...
