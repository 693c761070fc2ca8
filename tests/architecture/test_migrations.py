"""Migrations expand first and contract later, so that processes of the version before work on beside the new ones.

While an upgrade rolls, migrations have run and old processes still read and write. A table or column that goes, changes
its name or type, or asks for more than it did, makes them fail. Such a migration comes a release later and says since
when nothing uses what it takes away: `CONTRACTS = "0.3.0: ..."`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hub.docs import ROOT

MIGRATIONS = sorted((ROOT / "services").glob("*/migrations/versions/*.py"))

BEFORE_THE_RULE = {
    "indicators/0002_warehouse.py": {"rename", "drop table"},
    "submissions/0003_rollups.py": {"add constraint"},
    "submissions/0004_obligations.py": {"add constraint"},
}
"""What stood before the rule, in a version that was never installed anywhere. The second and third allow more than
before (a new origin, a new state), which old readers may not know. The first is not fit for a rolling upgrade: it
copies the observations into partitions in one transaction, and holds up every reader and writer meanwhile."""

FORBIDDEN = {
    "drop table": r"\bdrop table\b",
    "drop column": r"\bdrop column\b",
    "rename": r"\brename\b",
    "changed type": r"\balter column \S+ (set data )?type\b",
    "set not null": r"\bset not null\b",
    "drop default": r"\bdrop default\b",
    "not null without default": r"\badd column (?:(?!\bdefault\b)[^,])*\bnot null\b(?![^,]*\bdefault\b)",
    "add constraint": r"\badd constraint\b",
}
CALLS = {"drop_table", "drop_column", "alter_column", "rename_table", "create_check_constraint"}
CONTRACTS = re.compile(r"\d+\.\d+\.\d+: \S.*")


def breaks(source: str) -> set[str]:
    """Return what an older process cannot live with in a migration of this source."""
    tree = ast.parse(source)
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    texts = [" ".join(text.lower().split()) for text in texts if text != ast.get_docstring(tree, clean=False)]
    made = {name for text in texts for name in re.findall(r"\bcreate table (?:if not exists )?(\w+)", text)}
    found = {f"op.{node.func.attr}" for node in ast.walk(tree) if _is_call(node)}
    for text in texts:
        table = re.match(r"(?:alter|drop) table (?:only |if exists )?(\w+)", text)
        if table and table[1] in made:
            continue  # of this migration's own: no older process knows it
        found |= {name for name, pattern in FORBIDDEN.items() if re.search(pattern, text)}
    return found


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS


def _name(path: Path) -> str:
    return f"{path.parts[-4]}/{path.name}"


@pytest.mark.parametrize("path", MIGRATIONS, ids=_name)
def test_a_migration_only_adds_unless_it_says_that_it_contracts(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    found = breaks(source)
    if _name(path) in BEFORE_THE_RULE:
        assert found == BEFORE_THE_RULE[_name(path)]
        return
    said = re.search(r'^CONTRACTS = "(.*)"', source, re.MULTILINE)
    if said:
        assert CONTRACTS.fullmatch(said[1]), "say since which version nothing uses it: CONTRACTS = '0.3.0: …'"
        assert found, "it contracts nothing"
    else:
        assert found == set()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE figures", {"drop table"}),
        ("ALTER TABLE figures DROP COLUMN label", {"drop column"}),
        ("ALTER TABLE figures RENAME COLUMN label TO name", {"rename"}),
        ("ALTER TABLE figures ALTER COLUMN value TYPE text", {"changed type"}),
        ("ALTER TABLE figures ALTER COLUMN label SET NOT NULL", {"set not null"}),
        ("ALTER TABLE figures ADD COLUMN a text, ADD COLUMN b text NOT NULL", {"not null without default"}),
        ("ALTER TABLE figures ADD COLUMN b text NOT NULL DEFAULT ''", set()),
        ("ALTER TABLE figures ADD COLUMN b text DEFAULT '' NOT NULL, ADD COLUMN c text", set()),
        ("ALTER TABLE figures ADD CONSTRAINT figures_known CHECK (value > 0)", {"add constraint"}),
        ("ALTER TABLE new ADD CONSTRAINT new_known CHECK (value > 0)", set()),
        ("CREATE TABLE other (id text NOT NULL)", set()),
    ],
)
def test_what_the_rule_refuses(statement: str, what: set[str]) -> None:
    assert breaks(f'op.execute("""{statement}""")\nop.execute("CREATE TABLE new (id text NOT NULL)")') == what
