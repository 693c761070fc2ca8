"""`python -m hub.probe URL`: exit code 0 if the URL answers 200, else 1 with the reason. For images without curl."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_PATIENCE_SECONDS = 8


def main(arguments: Sequence[str]) -> int:
    """Ask once and return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m hub.probe http://HOST:PORT/PATH\n")
        return 2
    parts = urlsplit(arguments[0])
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        reason = answer.read(500).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        sys.stderr.write(f"{answer.status} {reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
