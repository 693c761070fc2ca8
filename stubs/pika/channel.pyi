from collections.abc import Callable
from typing import Any

from pika import spec
from pika.connection import Connection
from pika.frame import Method

class Channel:
    channel_number: int
    connection: Connection
    @property
    def is_open(self) -> bool: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def is_closing(self) -> bool: ...
    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: spec.BasicProperties | None = None,
        mandatory: bool = False,
    ) -> None: ...
    def confirm_delivery(
        self, ack_nack_callback: Callable[[Method], object], callback: Callable[[Method], object] | None = None
    ) -> None: ...
    def add_on_return_callback(
        self, callback: Callable[[Channel, spec.Basic.Return, spec.BasicProperties, bytes], object]
    ) -> None: ...
    def add_on_close_callback(self, callback: Callable[[Channel, BaseException], object]) -> None: ...
    def add_on_cancel_callback(self, callback: Callable[[Method], object]) -> None: ...
    def basic_qos(
        self,
        prefetch_size: int = 0,
        prefetch_count: int = 0,
        global_qos: bool = False,
        callback: Callable[[Method], object] | None = None,
    ) -> None: ...
    def basic_consume(
        self,
        queue: str,
        on_message_callback: Callable[[Channel, spec.Basic.Deliver, spec.BasicProperties, bytes], object],
        auto_ack: bool = False,
        exclusive: bool = False,
        consumer_tag: str | None = None,
        arguments: dict[str, Any] | None = None,
        callback: Callable[[Method], object] | None = None,
    ) -> str: ...
    def basic_cancel(self, consumer_tag: str = "", callback: Callable[[Method], object] | None = None) -> None: ...
    def basic_ack(self, delivery_tag: int = 0, multiple: bool = False) -> None: ...
    def basic_nack(self, delivery_tag: int = 0, multiple: bool = False, requeue: bool = True) -> None: ...
    def basic_reject(self, delivery_tag: int = 0, requeue: bool = True) -> None: ...
    def queue_declare(
        self,
        queue: str,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        callback: Callable[[Method], object] | None = None,
    ) -> None: ...
    def exchange_declare(
        self,
        exchange: str,
        exchange_type: str = "direct",
        passive: bool = False,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: dict[str, Any] | None = None,
        callback: Callable[[Method], object] | None = None,
    ) -> None: ...
    def queue_bind(
        self,
        queue: str,
        exchange: str,
        routing_key: str | None = None,
        arguments: dict[str, Any] | None = None,
        callback: Callable[[Method], object] | None = None,
    ) -> None: ...
    def close(self, reply_code: int = 0, reply_text: str = "Normal shutdown") -> None: ...
