"""OpenTelemetry traces, off unless HUB_TRACES_ENDPOINT names where to send them (OTLP over HTTP).

The trace is the correlation id: its id is made from it, so whoever knows one knows the other, and no table needs a
column for it. What is published carries the span that published it as W3C `traceparent` (CloudEvents' distributed
tracing extension); where nobody can tell, as across an outbox, spans hang below the first one of their correlation id.
Spans are told once they are over, from what was measured anyway; while traces are off neither SDK nor exporter is
imported.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from shared.logs import logger
from shared.settings import BackboneSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = logger(__name__)

TRACEPARENT = "cloudEvents_traceparent"
"""The header of a published event."""
CALL = "nameko.traceparent"
"""The header of a call."""

Attribute = str | int | float | bool

here: ContextVar[str] = ContextVar("hub_span", default="")
"""The id of the span in hand (16 hexadecimal digits); empty where it is not known."""

_SPAN_DIGITS = 16
_FLUSH_MILLISECONDS = 5_000
_provider: TracerProvider | None = None
_ids: Any = None
_share = 1.0


def configure(settings: BackboneSettings, process: str) -> None:
    """Send this process's spans to the settings' endpoint, if there is one. Raises RuntimeError when OpenTelemetry is
    not installed."""
    if not settings.traces_endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator
    except ImportError as error:
        raise RuntimeError(f"HUB_TRACES_ENDPOINT is set: install laichau-reporting-hub[traces] ({error})") from error

    class Ids(IdGenerator):
        """Gives each span the id that was chosen for it."""

        span = 0
        trace = 0

        def generate_span_id(self) -> int:
            return self.span

        def generate_trace_id(self) -> int:
            return self.trace

    global _provider, _ids, _share
    _ids, _share = Ids(), settings.traces_share
    resource = Resource({"service.namespace": "laichau-hub", "service.name": process, "process.pid": os.getpid()})
    _provider = TracerProvider(resource=resource, id_generator=_ids, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.traces_endpoint)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    log.info("traces.on", share=_share)


def on() -> bool:
    """Tell whether this process tells its spans."""
    return _provider is not None


def end() -> None:
    """Send what has not been sent yet; called when the process ends."""
    if _provider is not None:
        _provider.force_flush(_FLUSH_MILLISECONDS)
        _provider.shutdown()


def trace_of(correlation_id: str) -> str:
    """Return the trace id of a correlation id: 32 hexadecimal digits."""
    return hashlib.sha256(correlation_id.encode()).hexdigest()[:32]


def first_of(correlation_id: str) -> str:
    """Return the id of the span below which everything of this correlation id hangs."""
    return span_of(f"first of {correlation_id}")


def span_of(identity: str) -> str:
    """Return the span id of something that has an identity of its own, such as a message."""
    return hashlib.sha256(identity.encode()).hexdigest()[-_SPAN_DIGITS:]


def new_span() -> str:
    """Return a fresh span id."""
    return secrets.token_hex(_SPAN_DIGITS // 2)


def traceparent(correlation_id: str, span: str) -> str:
    """Return W3C's header value for this span."""
    return f"00-{trace_of(correlation_id)}-{span}-{'01' if _told(correlation_id) else '00'}"


def parent_in(value: object) -> str:
    """Return the span id in a `traceparent`; empty when there is none or it is malformed."""
    parts = value.split("-") if isinstance(value, str) else []
    return parts[2] if len(parts) == 4 and len(parts[2]) == _SPAN_DIGITS else ""


def carried(header: str, correlation_id: str, span: str = "") -> dict[str, str]:
    """Return the header that tells a receiver which span sends: `span`, or the one in hand; nothing while traces are
    off or none is known."""
    span = span or here.get()
    return {header: traceparent(correlation_id, span)} if span and on() else {}


def record(
    name: str,
    kind: str,
    correlation_id: str,
    seconds: float,
    *,
    span: str = "",
    parent: str = "",
    failed: bool = False,
    **attributes: Attribute,
) -> None:
    """Tell a span that has just ended and took so long. `kind` is server, client, producer or consumer; without a known
    `parent` it hangs below the first span of its correlation id."""
    if _provider is None or not _told(correlation_id):
        return
    from opentelemetry import trace

    ended = time.time_ns()
    first = first_of(correlation_id)
    _ids.span, _ids.trace = int(span or new_span(), 16), int(trace_of(correlation_id), 16)
    context = None
    if span != first:
        above = trace.SpanContext(_ids.trace, int(parent or first, 16), is_remote=True, trace_flags=trace.TraceFlags(1))
        context = trace.set_span_in_context(trace.NonRecordingSpan(above))
    told = _provider.get_tracer("hub").start_span(
        name,
        context=context,
        kind=trace.SpanKind[kind.upper()],
        attributes={"hub.correlation_id": correlation_id, **attributes},
        start_time=ended - int(seconds * 1e9),
    )
    if failed:
        told.set_status(trace.StatusCode.ERROR)
    told.end(ended)


def _told(correlation_id: str) -> bool:
    """Tell whether this correlation id is among the share that is traced: the same answer in every process."""
    return int(trace_of(correlation_id)[:8], 16) < _share * 0x1_0000_0000
