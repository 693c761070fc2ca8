"""`python -m hub.gate [SERVICE ...]`: wait until these services' databases have this image's migrations and the broker
has its queues, then end with 0.

Where processes and the steps before them are rolled out at once, as on Kubernetes, each process waits so, in a
container that runs before it: migrations and topology gate the rollout, and old processes serve on meanwhile.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence

# nameko needs eventlet, and eventlet announces its own retirement on import; nobody who waits can do anything about it.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

from sqlalchemy.exc import SQLAlchemyError  # noqa: E402 - after the filter

from shared import storage, topology  # noqa: E402 - the same
from shared.errors import HubError  # noqa: E402 - the same
from shared.settings import BackboneSettings  # noqa: E402 - the same

_PAUSE_SECONDS = 2.0


def closed(settings: BackboneSettings, services: Sequence[str]) -> str | None:
    """Return what is still waited for, in words, or None when nothing is."""
    for service in services:
        engine = storage.engine_for_url(settings.database_url(service), settings, name="hub gate")
        try:
            if not storage.is_newest(engine, service):
                return f"migrations of {service}"
        except SQLAlchemyError as error:
            return f"the database of {service}: {type(error).__name__}"
        finally:
            engine.dispose()
    try:
        absent = topology.missing(settings.amqp_url)
    except HubError as error:
        return error.code
    return f"{len(absent)} queues, such as {absent[0]}" if absent else None


def main(arguments: Sequence[str]) -> int:
    """Wait, say each new reason once, and return the exit code: 0 when the way is free, 1 when time is up."""
    parser = argparse.ArgumentParser(prog="python -m hub.gate", description=__doc__)
    parser.add_argument("services", nargs="*", help="whose migrations to wait for")
    parser.add_argument("--seconds", type=float, default=600, help="how long to wait")
    wanted = parser.parse_args(arguments)
    settings = BackboneSettings.read(os.environ)
    end = time.monotonic() + wanted.seconds
    said = ""
    while (reason := closed(settings, wanted.services)) is not None:
        if reason != said:
            sys.stdout.write(f"waiting for {reason}\n")
            sys.stdout.flush()
            said = reason
        if time.monotonic() > end:
            sys.stderr.write(f"not within {wanted.seconds:.0f} s: {reason}\n")
            return 1
        time.sleep(_PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
