"""The closed tree of errors, the same over RPC and HTTP.

HubError                  everything the hub refuses or cannot do; never raised itself
├── Invalid         422   the content breaks a rule; the caller must change it
├── Unauthenticated 401   no credential, or one that does not hold
├── Forbidden       403   the caller is known and lacks the right
├── NotFound        404   there is no such thing, or none that the caller may see
├── Conflict        409   the thing has moved on; read it again and decide anew
├── TooLarge        413   more than one request may carry
├── TooMany         429   the caller's budget is used up for now
├── Unavailable     503   a part is down or slow; the same request may succeed later (the only retryable class)
└── Internal        500   a fault of the hub's own

Whether a retry can help is a property of the class (`retryable`), never of the message's text. `code` is stable
(`service.reason`), `message` is English for developers, `detail` Vietnamese for the person who reads it.
"""

from __future__ import annotations

from typing import ClassVar


class HubError(Exception):
    """Base of all errors that cross a process border; its four arguments are what travels."""

    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, code: str, message: str = "", detail: str | None = None, context: dict[str, object] | None = None
    ) -> None:
        super().__init__(code, message, detail, context)
        self.code = code
        self.message = message or code
        self.detail = detail
        self.context = context or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Invalid(HubError):
    """The content breaks a rule; sending it again unchanged cannot help."""

    status = 422


class Unauthenticated(HubError):
    """No credential, or one that does not hold."""

    status = 401


class Forbidden(HubError):
    """The caller is known and lacks the right."""

    status = 403


class NotFound(HubError):
    """There is no such thing, or none that the caller may see."""

    status = 404


class Conflict(HubError):
    """The thing has moved on since the caller read it."""

    status = 409


class TooLarge(HubError):
    """More than one request may carry."""

    status = 413


class TooMany(HubError):
    """The caller's budget is used up for now."""

    status = 429


class Unavailable(HubError):
    """A part is down or slow; the same request may succeed later."""

    status = 503
    retryable = True


class Internal(HubError):
    """A fault of the hub's own; the log has the story under the correlation id."""

    status = 500


LEAVES: tuple[type[HubError], ...] = (
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    TooMany,
    Unavailable,
    Internal,
)
BY_NAME: dict[str, type[HubError]] = {cls.__name__: cls for cls in LEAVES}
