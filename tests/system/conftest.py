"""One running hub for every test that looks at a whole one: thirteen processes take half a minute to start."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from hub.ground.installation import Installation
from hub.settings import HubSettings
from shared.servers.postgres import EmbeddedPostgres
from shared.servers.programs import LOCAL, free_port
from shared.testing import servers


@dataclass(frozen=True)
class Span:
    """One span as it arrived: which process told it, and what."""

    process: str
    name: str
    id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Receiver:
    """An OTLP receiver over HTTP; spans by trace id."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    url: str = ""

    def take(self, body: bytes) -> None:
        """Keep the spans of one export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = next(
                item.value.string_value for item in resource.resource.attributes if item.key == "service.name"
            )
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {item.key: item.value.string_value for item in span.attributes}
                    told = Span(process, span.name, span.span_id.hex(), span.parent_span_id.hex(), attributes)
                    self.spans.setdefault(span.trace_id.hex(), []).append(told)


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    """A receiver that runs."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        yield kept
        server.shutdown()


def _free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports that are all free now."""
    while True:
        first = free_port()
        with ExitStack() as held, suppress(OSError, OverflowError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind((LOCAL, port))
            return first  # none was refused


@pytest.fixture(scope="package")
def installation(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running hub with Lai Châu's catalogue, which tells its spans to the receiver. It has a PostgreSQL of its own,
    because it takes many connections and other tests use the machine's."""
    folder = tmp_path_factory.mktemp("hub")
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres", durable=False).start()
        stack.callback(postgres.destroy)
        first = _free_ports(20)
        settings = HubSettings(
            var=folder / "var",
            secrets=folder / "var" / "secrets",
            postgres_url=postgres.url,
            amqp_url=stack.enter_context(servers.virtual_host()),
            gateway_url=f"http://127.0.0.1:{first}",
            gateway_port=first,
            national_port=first + 1,
            ministry_port=first + 2,
            metrics_port=first + 3,  # and the ones that follow
            ready_seconds=240,  # other tests share the processors
        )
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("HUB_TRACES_ENDPOINT", receiver.url)
        made = Installation(settings, lambda line: None)
        stack.callback(made.down)
        made.up()
        patch.undo()  # the processes have it
        yield made


@pytest.fixture
def hub(installation: Installation) -> HubSettings:
    """Where the running hub is found."""
    return installation.settings
