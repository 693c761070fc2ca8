from typing import Any

class UndeliverableMessage(Exception): ...

class Publisher:
    def __init__(
        self,
        amqp_uri: str,
        use_confirms: bool | None = ...,
        serializer: str | None = ...,
        delivery_mode: int | None = ...,
        mandatory: bool | None = ...,
        expiration: float | None = ...,
        **publish_kwargs: Any,
    ) -> None: ...
    def publish(self, payload: Any, **kwargs: Any) -> None: ...
