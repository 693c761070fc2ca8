"""Calls between processes, over nameko's protocol: `@rpc` answers them, `Remote` makes them.

Arguments are converted by the method's annotations and results by their own types, so services see dataclasses and
Structs, the wire sees JSON. HubErrors cross as themselves; whatever else a method raises reaches the caller as
Internal("hub.internal") and the log in full, both under the correlation id. A call nobody waits for any more is not
carried out: requests expire in their queue. A killed server's calls are delivered again, so commands are idempotent.
"""

from __future__ import annotations

import inspect
import time
import typing
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

import eventlet
import msgspec
from kombu.exceptions import KombuError
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.constants import AMQP_URI_CONFIG_KEY
from nameko.containers import WorkerContext
from nameko.exceptions import (
    BadRequest,
    ContainerBeingKilled,
    MalformedRequest,
    UnknownService,
    deserialize_to_instance,
    get_module_path,
)
from nameko.extensions import DependencyProvider, register_entrypoint
from nameko.rpc import ReplyListener, Rpc, RpcConsumer, get_rpc_exchange

from shared import traces
from shared.commands import Command
from shared.contracts.views.everyday import ServiceStatus
from shared.errors import BY_NAME, LEAVES, HubError, Internal, Invalid, Unavailable
from shared.failpoints import failpoint
from shared.logs import correlation, logger
from shared.metrics import REMOTE_CALLS, RPC_SECONDS
from shared.replies import Replies
from shared.settings import backbone_settings
from shared.unit import UnitOfWork, translated

log = logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_CORRELATION_HEADER = "nameko.correlation_id"

for _leaf in LEAVES:
    deserialize_to_instance(_leaf)


def error_payload(error: BaseException) -> dict[str, Any]:
    """Return how an error travels: nameko's own shape, with the arguments kept as they are (None stays None)."""
    return {
        "exc_type": type(error).__name__,
        "exc_path": get_module_path(type(error)),
        "exc_args": list(error.args),
        "value": str(error),
    }


def error_from(payload: dict[str, Any]) -> HubError:
    """Return the error that `error_payload` wrote; an unknown one is Internal, an unknown method or service says so."""
    leaf = BY_NAME.get(str(payload.get("exc_type")))
    if leaf is not None and str(payload.get("exc_path", "")).startswith("shared.errors."):
        return leaf(*payload.get("exc_args", ()))
    return Internal("hub.internal", f"{payload.get('exc_type')}: {payload.get('value')}", _INTERNAL_DETAIL)


_INTERNAL_DETAIL = "Hệ thống gặp lỗi, xin báo cho đơn vị vận hành."


class Answering(RpcConsumer):
    """nameko's consumer of a service's calls, answering with msgspec's JSON."""

    def setup(self) -> None:
        """Called by nameko before start."""
        super().setup()
        config = self.container.config
        self._replies = Replies(config[AMQP_URI_CONFIG_KEY], get_rpc_exchange(config).name)

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Send the answer, then acknowledge the request."""
        error = None if exc_info is None else as_hub_error(exc_info[1])
        body = self._encoded(result, error)
        failpoint("rpc.before_reply")
        try:
            self._replies.send(body, message.properties["reply_to"], message.properties.get("correlation_id"))
        except OSError as failure:
            # The broker is away and with it the request, which will come again; the method is idempotent.
            log.warning("rpc.answer_lost", error=repr(failure))
            return result, exc_info
        self.queue_consumer.ack_message(message)
        return result, exc_info

    def _encoded(self, result: Any, error: HubError | None) -> bytes:
        try:
            payload = None if error is None else error_payload(error)
            return msgspec.json.encode({"result": result if error is None else None, "error": payload})
        except (TypeError, ValueError) as failure:
            log.error("rpc.result_unserialisable", error=str(failure))
            return msgspec.json.encode({"result": None, "error": error_payload(as_hub_error(failure))})


def as_hub_error(error: BaseException) -> HubError:
    """Return the HubError a caller gets for this exception."""
    if isinstance(error, HubError):
        return error
    if isinstance(error, BadRequest):
        return Invalid("hub.bad_call", f"{type(error).__name__}: {error}")
    known = translated(error) if isinstance(error, Exception) else None
    return known or Internal("hub.internal", f"see the log under {correlation.get() or 'the call'}", _INTERNAL_DETAIL)


class Answered(Rpc):
    """The entrypoint behind `@rpc`."""

    rpc_consumer = Answering()

    def setup(self) -> None:
        """Called by nameko before start."""
        super().setup()
        self._arguments = Arguments(getattr(self.container.service_cls, self.method_name))

    def handle_message(self, body: Any, message: Any) -> None:
        """Called by nameko with a call: run the method in a worker of its own."""
        try:
            args, kwargs = body["args"], body["kwargs"]
        except (KeyError, TypeError):
            raise MalformedRequest("Message missing `args` or `kwargs`") from None
        converted = self._arguments.convert(args, kwargs)
        context = self.unpack_message_headers(message)
        service = self.container.service_name
        data = {
            "correlation_id": context.get("correlation_id"),
            "traceparent": context.get("traceparent"),
            "began": time.monotonic(),
            "command": Command(service, self.method_name, kwargs) if "actor" in kwargs else None,
        }
        try:
            self.container.spawn_worker(
                self,
                (),
                converted,
                context_data=data,
                handle_result=partial(self.handle_result, message),
            )
        except ContainerBeingKilled:
            self.rpc_consumer.requeue_message(message)

    def handle_result(self, message: Any, worker_ctx: WorkerContext, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Called by nameko with what the method returned or raised: measure, log what is our fault, answer."""
        outcome = "ok" if exc_info is None else type(as_hub_error(exc_info[1])).__name__
        seconds = time.monotonic() - worker_ctx.data["began"]
        RPC_SECONDS.labels(worker_ctx.service_name, self.method_name, outcome).observe(seconds)
        if traces.on():
            known = worker_ctx.data
            name, parent = f"{worker_ctx.service_name}.{self.method_name}", traces.parent_in(known["traceparent"])
            correlation_id = known.get("correlation_id") or ""
            traces.record(
                name, "server", correlation_id, seconds, parent=parent, failed=outcome != "ok", outcome=outcome
            )
        if outcome == "Internal":
            log.error("rpc.failed", method=self.method_name, exc_info=exc_info[1])
        self.rpc_consumer.handle_result(message, result, exc_info)
        return None, None


class Arguments:
    """Converts a call's JSON arguments to what a method's annotations say."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._signature = inspect.signature(method)
        self._types = typing.get_type_hints(method)

    def convert(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return keyword arguments. Raises Invalid("hub.bad_argument") for one that is missing, unknown or of another
        type."""
        try:
            given = self._signature.bind(None, *args, **kwargs).arguments
            del given[next(iter(self._signature.parameters))]
            return {
                name: msgspec.convert(value, self._types.get(name, Any), strict=False) for name, value in given.items()
            }
        except (TypeError, msgspec.ValidationError) as error:
            raise Invalid("hub.bad_argument", str(error)) from error


def rpc(method: Callable[P, R]) -> Callable[P, R]:
    """Make a method of a service callable by others: `@rpc` on `def grant(self, actor: Actor, …) -> CaseView`."""
    register_entrypoint(method, Answered(expected_exceptions=HubError))
    return method


class Remote(DependencyProvider):
    """Another service, as a service class declares it: `remote = Remote("indicators")`, then
    `self.remote.call("read_catalogue", CataloguePage, after=None)`."""

    replies = ReplyListener()

    def __init__(self, target: str) -> None:
        self.target = target

    def get_dependency(self, worker_ctx: WorkerContext) -> Remote:
        """Called by nameko for each call: hand out what `self.remote` is."""
        return self

    def call(self, method: str, returns: type[T], /, *, timeout_seconds: float | None = None, **arguments: Any) -> T:
        """Call `method` of the target and return its result as `returns` (a dataclass, Struct, or plain type).

        Raises the HubError that the target raised; Unavailable("hub.timeout") after HUB_RPC_TIMEOUT_SECONDS or
        `timeout_seconds`; Unavailable("hub.service_away") when nobody serves the target or the broker is away.
        """
        outcome = "ok"
        try:
            return self._called(method, returns, timeout_seconds or backbone_settings().rpc_timeout_seconds, arguments)
        except HubError as error:
            outcome = type(error).__name__
            raise
        finally:
            REMOTE_CALLS.labels(self.target, outcome).inc()

    def _called(self, method: str, returns: type[T], timeout: float, arguments: dict[str, Any]) -> T:
        call_id = uuid.uuid4().hex
        reply = self.replies.get_reply_event(call_id)
        try:
            with eventlet.Timeout(timeout, False):
                self._send(method, arguments, call_id, timeout)
                answer = reply.wait()
                if answer["error"]:
                    raise error_from(answer["error"])
                return msgspec.convert(answer["result"], returns, strict=False)
        except (UndeliverableMessage, UnknownService, KombuError, OSError) as error:
            raise self._unavailable("hub.service_away", f"{self.target} cannot be reached: {error!r}") from error
        except msgspec.ValidationError as error:
            raise Internal("hub.bad_answer", f"{self.target}.{method} answered otherwise: {error}") from error
        finally:
            self.replies._reply_events.pop(call_id, None)
        raise self._unavailable("hub.timeout", f"{self.target}.{method} did not answer within {timeout:g} s")

    def _send(self, method: str, arguments: dict[str, Any], call_id: str, timeout: float) -> None:
        config = self.container.config
        Publisher(config[AMQP_URI_CONFIG_KEY], delivery_mode=1, expiration=timeout).publish(
            msgspec.json.encode({"args": [], "kwargs": arguments}),
            serializer=None,
            content_type="application/json",
            content_encoding="utf-8",
            exchange=get_rpc_exchange(config),
            routing_key=f"{self.target}.{method}",
            mandatory=True,
            reply_to=self.replies.routing_key,
            correlation_id=call_id,
            extra_headers={_CORRELATION_HEADER: correlation.get() or uuid.uuid4().hex},
        )

    def _unavailable(self, code: str, message: str) -> Unavailable:
        return Unavailable(code, message, "Một thành phần của hệ thống chưa phản hồi, xin thử lại sau.")


class Described:
    """What every service class inherits: the call that tells how its backbone is doing."""

    unit: UnitOfWork

    @rpc
    def describe_status(self) -> ServiceStatus:
        """Return the age and size of what waits in this service's database; reads counts only, no one's data."""
        with self.unit() as unit:
            row = unit.connection.exec_driver_sql(_STATUS).one()
        return ServiceStatus(service=self.unit.service, **row._mapping)


_STATUS = """
SELECT outbox.count AS outbox_unsent, outbox.age AS outbox_oldest_seconds,
       audit.count AS unsealed_audit, audit.age AS unsealed_oldest_seconds,
       sets.count AS incomplete_chunk_sets, sets.age AS incomplete_oldest_seconds
FROM (SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float AS age
      FROM outbox WHERE sent_at IS NULL) AS outbox,
     (SELECT count(*), coalesce(extract(epoch FROM now() - min(at)), 0)::float AS age
      FROM audit WHERE sealed_as IS NULL) AS audit,
     (SELECT count(DISTINCT set_id), coalesce(extract(epoch FROM now() - min(received_at)), 0)::float AS age
      FROM chunks) AS sets
"""
