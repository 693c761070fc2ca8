"""The report as a paper (PDF, A4), set by Typst in a process of its own.

Typst keeps some 50 MB for good once it has set a page, and setting one blocks its process: a short-lived child costs
both only while somebody waits for a paper. Its own fonts cover Vietnamese, so that no server needs any.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from typing import Literal

import msgspec

from services.integration.reports.outline import Outline
from shared.errors import Internal, Unavailable

SECONDS = 30.0
STANDARD: Literal["a-2a"] = "a-2a"
"""PDF/A-2a: what an office may file, tagged for those who have it read to them."""


def paper(report: Outline) -> bytes:
    """Return the PDF. Raises Unavailable("integration.paper_late"), Internal("integration.no_paper")."""
    command = [sys.executable, "-m", "services.integration.reports.paper"]
    try:
        ran = subprocess.run(  # noqa: S603 -- this very interpreter and module
            command, input=msgspec.json.encode(report), capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            "integration.paper_late", f"no paper within {SECONDS} s", "Chưa lập kịp bản PDF, hãy thử lại."
        ) from error
    if ran.returncode != 0 or not ran.stdout.startswith(b"%PDF-"):
        raise Internal("integration.no_paper", ran.stderr.decode(errors="replace")[-500:])
    return ran.stdout


def main() -> None:
    """Set the outline that comes as JSON on standard input and write the PDF to standard output."""
    import typst

    source = (files("services.integration.reports") / "paper.typ").read_bytes()
    given = {"outline": sys.stdin.buffer.read().decode()}
    made = typst.compile(source, sys_inputs=given, ignore_system_fonts=True, pdf_standards=STANDARD)
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
