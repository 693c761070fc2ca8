"""The baseline of a call: a bare nameko service under nameko's own runner: `python -m bench.echo URL`."""

from __future__ import annotations

import sys
import warnings

warnings.filterwarnings("ignore", message=r"[\s\S]*Eventlet is deprecated")

import eventlet  # noqa: E402

eventlet.monkey_patch()

from nameko.rpc import rpc  # type: ignore[attr-defined]  # noqa: E402 - after the patching; our stubs leave it out
from nameko.runners import ServiceRunner  # noqa: E402


class Echo:
    """Answers with what it was given."""

    name = "echo"

    @rpc  # type: ignore[untyped-decorator]  # nameko has no types
    def echo(self, indicator: str, unit: str, period: str) -> list[str]:
        """Return the arguments."""
        return [indicator, unit, period]


if __name__ == "__main__":
    runner = ServiceRunner({"AMQP_URI": sys.argv[1], "max_workers": 10, "serializer": "json"})
    runner.add_service(Echo)
    runner.start()
    print("ready", flush=True)
    runner.wait()
