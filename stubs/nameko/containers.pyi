from collections.abc import Callable
from typing import Any

from nameko.extensions import Entrypoint

class WorkerContext:
    container: ServiceContainer
    service: Any
    service_name: str
    entrypoint: Entrypoint
    data: dict[str, Any]

class ServiceContainer:
    service_name: str
    service_cls: type
    config: dict[str, Any]
    def spawn_worker(
        self,
        entrypoint: Entrypoint,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context_data: dict[str, Any] | None = ...,
        handle_result: Callable[[WorkerContext, Any, Any], tuple[Any, Any]] | None = ...,
    ) -> WorkerContext: ...
    def spawn_managed_thread(self, fn: Callable[[], object], identifier: str | None = ...) -> Any: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self, exc_info: Any = ...) -> None: ...
    def wait(self) -> None: ...
