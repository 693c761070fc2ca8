from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import Entrypoint

class Timer(Entrypoint):
    def __init__(self, interval: float, eager: bool = ..., **kwargs: Any) -> None: ...
    def handle_result(self, worker_ctx: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]: ...
