"""Runbooks: every link leads somewhere, every command that they type exists, none is forgotten in the list."""

from __future__ import annotations

import re

import pytest
import yaml
from typer.main import get_command

from hub import docs
from hub.docs import ROOT
from hub.main import app

FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
ASKED_FOR = {
    "broker-lost", "database-full", "partner-down-for-a-week", "certificate-expires", "clock-wrong", "poisoned-message",
    "suspected-tampering", "key-rotation", "new-partner", "new-commune-reform",
}  # fmt: skip


def test_there_is_one_for_everything_that_was_asked_for() -> None:
    assert not ASKED_FOR - {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: object) -> None:
    text = (FOLDER / str(page)).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (FOLDER / target).is_file(), target


def test_the_list_names_every_page() -> None:
    listed = set(re.findall(r"\(([\w-]+)\.md\)", (FOLDER / "README.md").read_text(encoding="utf-8")))
    assert listed == {page.stem for page in PAGES} - {"README"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_to_be_typed_exists(page: object) -> None:
    text = (FOLDER / str(page)).read_text(encoding="utf-8")
    group = get_command(app)
    for words in re.findall(r"`(?:docker compose run --rm )?hub ([a-z][a-z-]*)(?: ([a-z-]+))?", text):
        command = group.commands.get(words[0])  # type: ignore[attr-defined]  # the application is a group
        assert command is not None, f"hub {words[0]}"
        if hasattr(command, "commands") and words[1]:
            assert words[1] in command.commands, f"hub {' '.join(words)}"
    containers = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name in re.findall(r"docker compose (?:run --rm|exec|start|stop|restart)(?: --build)? ([a-z][a-z-]+)", text):
        assert name in containers, name


def test_every_log_event_that_is_looked_for_is_one() -> None:
    source = "".join((docs.ROOT / item.path).read_text(encoding="utf-8") for item in docs.sources())
    logged = set(re.findall(r"log\.\w+\(\s*\"([a-z_.]+)\"", source))
    for page in PAGES:
        for pattern in re.findall(r"grep (?:-E ')?([a-z]+\.[a-z_|.]+)", page.read_text(encoding="utf-8")):
            assert set(pattern.split("|")) <= logged, f"{page.name}: {pattern}"


def test_every_setting_that_is_named_is_one() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for page in PAGES:
        for name in re.findall(r"HUB_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")):
            known = name in operations or name.replace("HUB_INTEGRATION_", "").replace("HUB_RELAY_", "") in operations
            assert known or name.startswith("HUB_INTEGRATION_ENDPOINT_"), f"{page.name}: {name}"
