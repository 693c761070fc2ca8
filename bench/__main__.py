"""`python -m bench [row …] [--quick] [--json]`: run the rows and print what they measured.

Exit code 0 however fast the hub was; 1 if a row crashed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

warnings.filterwarnings("ignore", message=r"[\s\S]*Eventlet is deprecated")

from bench.ground import Ground, ground  # noqa: E402 - after the filter: it imports what warns
from bench.result import Measure, Result  # noqa: E402
from shared import logs  # noqa: E402

WITH_HUB = ("rest", "read", "calls", "push", "soap")
"""Rows that need a whole hub, in this order: at rest first."""
WITHOUT_HUB = ("outbox", "backlog", "equality", "dashboard", "outliers")
"""Rows that need servers alone; the hub is stopped before them."""

errors = Console(stderr=True, highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(WITH_HUB + WITHOUT_HUB)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="smaller amounts, less certain figures")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    given = parser.parse_args(arguments)
    unknown = set(given.rows) - set(WITH_HUB + WITHOUT_HUB)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    logs.configure("bench", "warning")
    chosen = given.rows or [*WITH_HUB, *WITHOUT_HUB]
    results: list[Result] = []
    crashed: list[str] = []
    begun = time.monotonic()
    machine = _machine()
    with ground(_say, quick=given.quick) as made:
        for row in [row for row in (*WITH_HUB, *WITHOUT_HUB) if row in chosen]:
            result = _ran(made, row)
            if result is None:
                crashed.append(row)
            else:
                results.append(result)
                _say("; ".join(_sentence(item) for item in result.measures))
    seconds = time.monotonic() - begun
    if given.json:
        told = {
            "machine": machine,
            "seconds": seconds,
            "rows": [item.as_json() for item in results],
            "crashed": crashed,
        }
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _show(results, machine, seconds)
    return 1 if crashed else 0


def _ran(made: Ground, row: str) -> Result | None:
    try:
        if row in WITH_HUB:
            made.start_hub()
        else:
            made.stop_hub()
        load = os.getloadavg()[0]
        result: Result = importlib.import_module(f"bench.{row}").run(made)
        result.notes.append(f"load average when it began: {load:.1f}")
        return result
    except Exception:
        errors.print(f"[red]{row} crashed[/red]")
        errors.print(traceback.format_exc(), markup=False)
        return None
    finally:
        made.stop_toys()


def _say(line: str) -> None:
    errors.print(f"[green]·[/green] {line}", soft_wrap=True)


def _sentence(item: Measure) -> str:
    return f"{item.what}: {_number(item.ours)} {item.unit}" + (
        f" ({item.ratio:.2f} of the baseline)" if item.ratio is not None else ""
    )


def _show(results: list[Result], machine: str, seconds: float) -> None:
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=120)
    table = Table(title=f"{machine}; {seconds:.0f} s", title_justify="left")
    for column in ("row", "what", "ours", "baseline", "ratio", "bar", "reached"):
        table.add_column(column, justify="right" if column in {"ours", "baseline", "ratio", "bar"} else "left")
    for result in results:
        for number, item in enumerate(result.measures):
            table.add_row(
                "" if number else result.row,
                item.what,
                f"{_number(item.ours)} {item.unit}",
                "" if item.baseline is None else f"{_number(item.baseline)} {item.unit}",
                "" if item.ratio is None else f"{item.ratio:.2f}",
                "" if item.bar is None else f"{'≥' if item.least else '≤'} {_number(item.bar)}",
                {None: "", True: "[green]yes", False: "[red]no"}[item.reached],
                end_section=number == len(result.measures) - 1,
            )
    console.print(table)
    for result in results:
        for note in result.notes:
            console.print(f"{result.row}: {note}", soft_wrap=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine() -> str:
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
