"""`hub status`: what it says of partners, and when it says that a person is needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.commands.status import needs_of, partner_line

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def partner(**changed: Any) -> dict[str, Any]:
    standing = {"circuit": "closed", "failures": 0, "story": None, "hold": None, "until": None, "repeats_left": None}
    return {
        "id": "quoc-gia",
        "deliveries": {"acknowledged": 7},
        "last_proof_at": (NOW - timedelta(minutes=5)).isoformat(),
        "standing": standing | changed.pop("standing", {}),
        "permitted": True,
        "permitted_to": None,
        "oldest_open_seconds": 0.0,
        "open_differences": {},
        "for_a_person": 0,
    } | changed


def needs(*partners: dict[str, Any], **changed: Any) -> list[str]:
    answer = {"services": [{"service": "approval", "reachable": True}], "partners": list(partners), "dead_letters": 0}
    return needs_of(answer | changed, NOW)


def test_a_partner_in_good_standing_needs_nobody() -> None:
    assert needs(partner()) == []
    told = partner_line(partner(), NOW)
    assert told == ("quoc-gia", "[green]holds", "[green]closed", "none", "", "5 min ago", "none")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"for_a_person": 2}, "only a person takes further"),
        ({"permitted": False, "deliveries": {"planned": 3}}, "nothing may pass today: no permission"),
        (
            {
                "standing": {
                    "circuit": "open",
                    "story": "answered 503",
                    "until": (NOW + timedelta(minutes=4)).isoformat(),
                }
            },
            "it does not answer (answered 503); a probe goes out in 4 min",
        ),
    ],
)
def test_what_a_person_must_look_at_is_said_in_words(changed: dict[str, Any], words: str) -> None:
    [need] = needs(partner(**changed))
    assert need.startswith("quoc-gia: ") and words in need


def test_a_partner_that_was_suspended_on_purpose_needs_nobody() -> None:
    held = "Kết nối đang bị tạm dừng: bảo trì."
    standing = {"circuit": "open", "story": "away", "until": None}
    shown = partner(suspended=True, permitted=False, held=held, standing=standing, deliveries={"waiting": 3})
    assert needs(shown) == []
    assert partner_line(shown, NOW)[1] == f"[yellow]suspended[/yellow]: {held}"


def test_what_settles_itself_is_shown_and_needs_nobody() -> None:
    waits = partner(
        deliveries={"waiting": 2, "in_doubt": 1},
        oldest_open_seconds=7_300.0,
        standing={"hold": "budget", "until": (NOW + timedelta(hours=1)).isoformat(), "repeats_left": 0},
        open_differences={"value": 3},
        last_proof_at=None,
        permitted_to="2027-01-01",
    )
    assert needs(waits, partner(permitted=False)) == []
    assert partner_line(waits, NOW) == (
        "quoc-gia",
        "[green]until 2027-01-01",
        "[yellow]no repeats left[/yellow], on in 1 h",
        "2 waiting, 1 in_doubt",
        "2 h",
        "[yellow]never",
        "3 value",
    )


def test_services_that_are_away_and_dead_letters_need_a_person_and_unknown_partners_do_not_hide_it() -> None:
    away = [{"service": "integration", "reachable": False, "error": "hub.timeout"}]
    assert needs(services=away, partners=None, dead_letters=2) == [
        "integration does not answer: hub.timeout",
        "2 dead letters wait: hub dead-letters list",
    ]
