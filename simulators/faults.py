"""How a far side misbehaves on command.

A fault is armed for the next `times` calls of one operation. Kinds:

- `refuse`        answer that the packet breaks a rule (422, SOAP Client fault); nothing is applied
- `unavailable`   503 with Retry-After; nothing is applied
- `error`         500 without a word; nothing is applied
- `soap_fault`    SOAP Server fault (REST: 500 with a body); nothing is applied
- `malformed`     apply, then answer something that is neither XML nor JSON
- `delay`         wait `seconds`, then behave
- `timeout_before`  wait `seconds` without applying, then 500: the caller has long gone
- `timeout_after`   apply, then wait `seconds`: the caller cannot know
- `apply_late`    wait; apply only after a status question about the message was answered `unknown`
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

KINDS = (
    "refuse",
    "unavailable",
    "error",
    "soap_fault",
    "malformed",
    "delay",
    "timeout_before",
    "timeout_after",
    "apply_late",
)


@dataclass(slots=True)
class Fault:
    """One armed fault: its kind, the operation it waits for, how often, and how long it waits in seconds."""

    kind: str
    operation: str = "submit"
    times: int = 1
    seconds: float = 10.0
    retry_after: int = 1


@dataclass(slots=True)
class Faults:
    """The armed faults in the order in which they strike, and how often each kind has struck."""

    armed: list[Fault] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    kinds: tuple[str, ...] = KINDS

    def arm(self, faults: list[Fault]) -> None:
        """Replace what is armed. Raises ValueError for a kind that is none of `kinds`."""
        for fault in faults:
            if fault.kind not in self.kinds:
                raise ValueError(f"{fault.kind} is none of {', '.join(self.kinds)}")
        self.armed = list(faults)

    def take(self, operation: str) -> Fault | None:
        """Return the fault that strikes this call, counting it down, or None."""
        for fault in self.armed:
            if fault.operation == operation and fault.times > 0:
                fault.times -= 1
                self.struck[fault.kind] += 1
                return fault
        return None
