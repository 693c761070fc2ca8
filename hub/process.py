"""`python -m hub.process NAME --roles rpc,worker`: one process of the hub, in the foreground, until SIGTERM.

NAME is a service, or `relay` with `--services a,b,c`. Supervisor starts all processes so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from shared import memory


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process that the command line names and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m hub.process", description=__doc__)
    parser.add_argument("name", help="a service, or relay")
    parser.add_argument("--roles", default="rpc,worker", help="of a service: rpc, worker, or both")
    parser.add_argument("--services", default="", help="of the relay: whose outboxes to relay, comma-separated")
    parser.add_argument("--package", default="services", help="where the service's package lies")
    given = parser.parse_args(arguments)
    memory.begin()
    if given.name == "relay":
        from shared.relay import main as relay  # without eventlet: the relay lives in asyncio

        relay([name for name in given.services.split(",") if name])
        return 0
    from shared import process  # patches the standard library on import, so it comes first and only here

    return process.run(given.name, given.roles.split(","), given.package)


if __name__ == "__main__":
    sys.exit(main())
