"""What a process loads at its start. Each pays for it in seconds and megabytes, a dozen times over, and so does every
test that starts some; what only a rare call needs is imported by that call."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from hub import docs
from hub.ground.processes import SERVICES

NEVER = {
    "click", "rich", "pygments", "yaml",  # for command lines and consoles
    "openpyxl", "typst", "jinja2", "zeep", "requests", "viparse", "holidays",  # for single calls
    "opentelemetry", "dns", "fastapi", "pydantic", "uvicorn", "alembic",
}  # fmt: skip
ONLY = {
    "httpx": {"integration"},
    "tenacity": {"integration"},
    "lxml": set(),
    "signxml": set(),
    "joserfc": {"accounts"},
    "argon2": {"accounts"},
    "cryptography": {"accounts", "approval", "integration"},
}
"""Whose processes may have a library."""

# One process forks for each service, so that what all load is loaded once; nothing but the names leaves it.
LOADED = """
import json, os, sys
from shared import process
for service in json.loads(sys.argv[1]):
    if os.fork() == 0:
        process.service_classes(service, list(process.ROLES))
        print(json.dumps([service, sorted({name.partition(".")[0] for name in sys.modules})]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The packages that each service has loaded, rpc and worker together."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, json.dumps(SERVICES)],
        cwd=docs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return {service: set(packages) for service, packages in map(json.loads, ran.stdout.splitlines())}


def test_no_service_loads_what_it_does_not_need_at_once(loaded: dict[str, set[str]]) -> None:
    assert set(loaded) == set(SERVICES)
    assert {service: packages & NEVER for service, packages in loaded.items() if packages & NEVER} == {}


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_loaded_where_it_is_used(library: str, loaded: dict[str, set[str]]) -> None:
    assert {service for service, packages in loaded.items() if library in packages} == ONLY[library]


def test_the_package_of_views_re_exports_none() -> None:
    [package] = [source for source in docs.sources() if source.path == "shared/contracts/views/__init__.py"]
    assert [item for item in package.tree.body if not isinstance(item, ast.Expr)] == []
