"""`python -m hub.docs`: write the tables of docs/rpc.md, docs/metrics.md and docs/errors.md from the source.

The source is read as syntax, not imported: the tables are the same whatever is installed or running. What stands
outside the markers is written by people and stays. A test fails while a table is not current.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.errors import BY_NAME

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "services", "shared", "hub", "catalogue")
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
_METRICS = ("Counter", "Gauge", "Histogram", "Summary")

_INTRODUCTIONS = {
    "rpc.md": "# RPC\n\nWhat services answer over nameko's RPC; arguments are JSON by keyword, results the views of"
    " `shared/contracts/views`. Commands may be repeated: the same one answers the same. The tables are written by"
    " `python -m hub.docs`; a test fails while they are not current.\n",
    "metrics.md": "# Metrics\n\nWhat processes tell Prometheus. Labels come from closed sets, never ids. The table is"
    " written by `python -m hub.docs`; a test fails while it is not current.\n",
    "errors.md": "# Errors\n\nEvery code is stable and crosses RPC and HTTP unchanged; over HTTP it is the `code` of a"
    " problem document (RFC 9457) with the status of its class. Only `Unavailable` (503) is worth the same request"
    " again. The table is written by `python -m hub.docs`; a test fails while it is not current.\n",
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the product, parsed."""

    path: str
    tree: ast.Module


@cache
def sources() -> tuple[Source, ...]:
    """Return every Python file of the product, in the order of paths; read once."""
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    )


def rpc_methods(found: Iterable[Source]) -> dict[str, list[tuple[str, str]]]:
    """Return, per service, its RPC methods: signature and first sentence of the docstring."""
    described = ("describe_status() → ServiceStatus", "Say how the service's backbone is doing.")
    services: dict[str, list[tuple[str, str]]] = {}
    for source in found:
        if not source.path.startswith("services/"):
            continue
        for item in ast.walk(source.tree):
            if isinstance(item, ast.ClassDef):
                methods = [
                    (_signature(part), _first_sentence(part))
                    for part in item.body
                    if isinstance(part, ast.FunctionDef) and any(_name(mark) == "rpc" for mark in part.decorator_list)
                ]
                if any(_name(base) == "Described" for base in item.bases):
                    methods.append(described)
                if methods:
                    services.setdefault(source.path.split("/")[1], []).extend(methods)
    return services


def metrics(found: Iterable[Source]) -> list[tuple[str, str, str, str]]:
    """Return all metrics: name, kind, labels, meaning; sorted by name."""
    rows = set()
    for source in found:
        for call in _calls(source.tree):
            name, meaning = _text(call, 0), _text(call, 1)
            if _name(call.func) in _METRICS and name is not None and name.startswith("hub_"):
                labels = next((part for part in call.args[2:3] if isinstance(part, ast.List | ast.Tuple)), None)
                names = ", ".join(ast.literal_eval(labels)) if labels is not None else ""
                rows.add((name, _name(call.func).lower(), names, meaning or ""))
    return sorted(rows)


def errors(found: Iterable[Source]) -> list[tuple[str, str, int, str, str]]:
    """Return all error codes: code, class, HTTP status, where it is raised, message for developers; sorted by code."""
    rows: dict[tuple[str, str], tuple[set[str], str]] = {}
    for source in found:
        constants = _constants(source.tree)
        for call in _calls(source.tree):
            kind = _name(call.func)
            if kind not in BY_NAME or not call.args:
                continue
            code = _text(call, 0) or constants.get(_name(call.args[0]))
            if code is None or "." not in code:
                continue
            places, message = rows.setdefault((code, kind), (set(), _template(call)))
            places.add(source.path)
            rows[code, kind] = (places, message or _template(call))
    return [
        (code, kind, BY_NAME[kind].status, ", ".join(sorted(places)), message)
        for (code, kind), (places, message) in sorted(rows.items())
    ]


def settings(found: Iterable[Source]) -> set[str]:
    """Return every environment variable that the product reads: literals `HUB_…` in its code."""
    return {
        part.value
        for source in found
        for part in ast.walk(source.tree)
        if isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and part.value.startswith("HUB_")
        and part.value.replace("_", "").isalnum()
        and part.value.isupper()
    }


def tables() -> dict[str, str]:
    """Return the generated part of each document."""
    found = list(sources())
    rpc = "\n\n".join(
        f"## {service}\n\n| method | what it does |\n|---|---|\n" + _rows((f"`{call}`", told) for call, told in methods)
        for service, methods in sorted(rpc_methods(found).items())
    )
    return {
        "rpc.md": rpc,
        "metrics.md": "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
        + _rows((f"`{name}`", kind, labels, told) for name, kind, labels, told in metrics(found)),
        "errors.md": "| code | class | status | raised in | meaning |\n|---|---|---|---|---|\n"
        + _rows((f"`{code}`", kind, str(status), places, told) for code, kind, status, places, told in errors(found)),
    }


def current(name: str, table: str) -> str:
    """Return what the document should be: its own words, with this table between the markers."""
    path = ROOT / "docs" / name
    text = path.read_text(encoding="utf-8") if path.exists() else f"{_INTRODUCTIONS[name]}\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Write all documents."""
    for name, table in tables().items():
        (ROOT / "docs" / name).write_text(current(name, table), encoding="utf-8")


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows
    )


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (part for part in ast.walk(tree) if isinstance(part, ast.Call))


def _name(part: ast.expr) -> str:
    if isinstance(part, ast.Call):
        return _name(part.func)
    if isinstance(part, ast.Attribute):
        return part.attr
    return part.id if isinstance(part, ast.Name) else ""


def _text(call: ast.Call, index: int) -> str | None:
    part = call.args[index] if index < len(call.args) else None
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None


def _template(call: ast.Call) -> str:
    part = call.args[1] if len(call.args) > 1 else None
    if isinstance(part, ast.JoinedStr):
        return "".join(str(piece.value) if isinstance(piece, ast.Constant) else "…" for piece in part.values)
    return _text(call, 1) or ""


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: part.value.value
        for part in tree.body
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)
        for target in part.targets
        if isinstance(target, ast.Name)
    }


def _signature(function: ast.FunctionDef) -> str:
    arguments = ast.unparse(function.args).removeprefix("self").removeprefix(", ")
    result = f" → {ast.unparse(function.returns)}" if function.returns is not None else ""
    return f"{function.name}({arguments}){result}"


def _first_sentence(function: ast.FunctionDef) -> str:
    return " ".join((ast.get_docstring(function) or "").split("\n\n")[0].split())


if __name__ == "__main__":
    main()
