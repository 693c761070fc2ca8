"""JSON logs, one line each, with the correlation id of what is being worked on. Never bodies, never secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import msgspec

from shared.extras import without

with without("rich"):
    import structlog

correlation: ContextVar[str] = ContextVar("hub_correlation_id", default="")
"""The correlation id of the call or message in hand; each greenlet has its own."""

_SECRET_KEYS = re.compile(r"password|secret|token|authorization|credential|signing_key", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@/\s]+@")
_HIDDEN = "***"


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Work under this correlation id for the length of a `with`."""
    token = correlation.set(correlation_id)
    try:
        yield
    finally:
        correlation.reset(token)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module: `log = logger(__name__)`, then `log.info("batch.committed", queue=…, count=…)`."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values whose key names a secret, and passwords within URLs."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = _HIDDEN
        elif isinstance(value, str) and "://" in value:
            event[key] = _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", value)
    return event


def _add_correlation(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = correlation.get()
    if current:
        event.setdefault("correlation_id", current)
    return event


def _dump(event: MutableMapping[str, Any], **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


class _Expected(logging.Filter):
    """Drops nameko's own report of errors a caller caused: the hub's entrypoint counts them, the caller reads them."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(("(expected)", "error handling worker"))


def configure(process: str, level: str = "info") -> None:
    """Send this process's logs (structlog's and the standard library's) to standard output as JSON lines."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_correlation,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        # What the level leaves out ends at the first step, not after all of them.
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: {"process": process, **event},
                structlog.processors.JSONRenderer(serializer=_dump),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("pika", "amqp", "kombu", "alembic"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL if noisy == "pika" else logging.WARNING)
    logging.getLogger("nameko.containers").addFilter(_Expected())
