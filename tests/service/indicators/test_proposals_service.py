"""Proposals on a real database: drafted, reviewed, published as one version of the catalogue, told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, text

from services.indicators.service import IndicatorsService
from services.indicators.testing import small_load
from shared.contracts.actor import Actor
from shared.contracts.events import CatalogueChanged, ProposalMoved
from shared.contracts.views.proposals import ProposalView
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.storage import UnitOfWork
from tests.unit.indicators.test_proposals import AUTHOR, COLLEAGUE, OFFICE, REVIEWER

LOADER = Actor("office", "person", "", ("catalogue.manage", "catalogue.read"), ("*",), ("*",))


class Desk:
    """The service on one database that holds the small catalogue without its regime and form."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.service = engine, IndicatorsService()
        self.service.unit = UnitOfWork.for_engine(engine, "indicators")
        base = {name: part for name, part in small_load().items() if name not in ("regimes", "forms")}
        self.service.load_catalogue(LOADER, base)

    def content(self, **form: Any) -> dict[str, Any]:
        load = small_load()
        load["forms"][0].update(form)
        return {"regimes": load["regimes"], "forms": load["forms"]}

    def proposed(self, proposal_id: str = "GD-2026", **form: Any) -> ProposalView:
        draft = self.service.propose(AUTHOR, proposal_id, "Báo cáo tháng", self.content(**form))
        return self.service.submit_proposal(AUTHOR, proposal_id, draft.content_hash)

    def told(self, event: type[Any]) -> list[Any]:
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT body FROM outbox WHERE event = :event ORDER BY id"), {"event": event.event}
            ).scalars()
            return [msgspec.json.decode(body, type=event) for body in rows]

    def forms(self) -> list[str]:
        return [form.id for form in self.service.list_forms(LOADER).forms]


@pytest.fixture
def desk(database: Callable[[str], Engine]) -> Desk:
    return Desk(database("indicators"))


def test_publication_makes_one_version_of_the_catalogue_and_is_told_once(desk: Desk) -> None:
    view = desk.proposed()
    assert desk.forms() == []
    published = desk.service.publish_proposal(OFFICE, "GD-2026", "QĐ 15/2026", view.content_hash)
    assert desk.service.publish_proposal(OFFICE, "GD-2026", "QĐ 15/2026", view.content_hash) == published
    assert (published.state, published.catalogue_version, desk.forms()) == ("published", 2, ["GD-THANG-01"])
    assert [event.version for event in desk.told(CatalogueChanged)] == [1, 2]
    assert [event.moved for event in desk.told(ProposalMoved)] == ["submitted", "published"]
    with desk.engine.connect() as connection:
        audited = connection.execute(text("SELECT action FROM audit WHERE subject = 'GD-2026' ORDER BY id")).scalars()
        assert list(audited) == ["proposal.begun", "proposal.submitted", "proposal.published"]


def test_a_draft_may_have_faults_and_they_are_read_but_it_is_not_laid_before_others(desk: Desk) -> None:
    draft = desk.service.propose(AUTHOR, "GD-2026", "Báo cáo tháng", desk.content(indicators=["GD09"]))
    detail = desk.service.read_proposal(AUTHOR, "GD-2026")
    assert detail.plan is not None
    assert ("forms[GD-THANG-01].indicators[0]", "unknown") in {(item.place, item.code) for item in detail.plan.faults}
    with pytest.raises(Invalid, match=r"indicators\.catalogue_invalid"):
        desk.service.submit_proposal(AUTHOR, "GD-2026", draft.content_hash)
    with pytest.raises(NotFound):
        desk.service.read_proposal(REVIEWER, "GD-2026")


def test_the_reader_sees_what_would_change_field_by_field(desk: Desk) -> None:
    desk.service.load_catalogue(LOADER, desk.content())
    desk.proposed(name="Tên mới", help={"GD01": "Đến ngày cuối tháng."})
    plan = desk.service.read_proposal(REVIEWER, "GD-2026").plan
    assert plan is not None
    [change] = plan.changed
    assert (change.place, [item.field for item in change.fields]) == ("forms[GD-THANG-01]", ["help.GD01", "name"])


def test_what_became_unsound_meanwhile_is_not_published_and_the_proposal_stays_proposed(desk: Desk) -> None:
    view = desk.proposed()
    load = desk.content()
    load["forms"][0]["id"] = "GD-THANG-00"
    desk.service.load_catalogue(LOADER, load)
    with pytest.raises(Invalid, match=r"indicators\.catalogue_invalid"):
        desk.service.publish_proposal(OFFICE, "GD-2026", "QĐ 15/2026", view.content_hash)
    assert desk.service.read_proposal(OFFICE, "GD-2026").proposal.state == "proposed"


def test_reviews_are_kept_once_per_person_and_round_and_told_to_the_proposer(desk: Desk) -> None:
    view = desk.proposed()
    desk.service.review_proposal(REVIEWER, "GD-2026", False, "Trùng biểu của Bộ")
    desk.service.review_proposal(REVIEWER, "GD-2026", False, "Trùng biểu của Bộ")
    desk.service.review_proposal(REVIEWER, "GD-2026", True, "Đã rõ")
    desk.service.return_proposal(OFFICE, "GD-2026", "Làm rõ đơn vị tính")
    desk.service.submit_proposal(AUTHOR, "GD-2026", view.content_hash)
    desk.service.review_proposal(REVIEWER, "GD-2026", True)
    detail = desk.service.read_proposal(AUTHOR, "GD-2026")
    assert [(item.round, item.agrees, item.text) for item in detail.reviews] == [(1, True, "Đã rõ"), (2, True, "")]
    assert [event.moved for event in desk.told(ProposalMoved)] == [
        "submitted", "reviewed", "reviewed", "returned", "submitted", "reviewed"
    ]  # fmt: skip


def test_an_agency_does_not_publish_a_periodic_regime(desk: Desk) -> None:
    view = desk.proposed()
    with pytest.raises(Forbidden, match=r"indicators\.beyond_agency"):
        desk.service.publish_proposal(COLLEAGUE, "GD-2026", "QĐ nội bộ", view.content_hash)
    assert desk.forms() == []


def test_lists_show_drafts_to_their_agency_alone_and_go_by_pages(desk: Desk) -> None:
    for number in range(3):
        desk.service.propose(AUTHOR, f"P{number}", f"Đề xuất {number}", {"regimes": []})
    desk.proposed("P9")
    first = desk.service.list_proposals(AUTHOR, limit=3)
    rest = desk.service.list_proposals(AUTHOR, after=first.next, limit=3)
    assert [item.id for item in (*first.proposals, *rest.proposals)] == ["P9", "P2", "P1", "P0"]
    operator = replace(REVIEWER, agency=None)
    for stranger in (REVIEWER, operator):
        assert [item.id for item in desk.service.list_proposals(stranger).proposals] == ["P9"]
    assert [item.id for item in desk.service.list_proposals(AUTHOR, state="draft").proposals] == ["P2", "P1", "P0"]


def test_two_authors_do_not_overwrite_one_another(desk: Desk) -> None:
    draft = desk.service.propose(AUTHOR, "GD-2026", "Báo cáo tháng", {"regimes": []})
    desk.service.propose(COLLEAGUE, "GD-2026", "Báo cáo tháng", desk.content(), draft.content_hash)
    with pytest.raises(Conflict, match=r"indicators\.other_content"):
        desk.service.propose(AUTHOR, "GD-2026", "Báo cáo tháng (sửa)", {"regimes": []}, draft.content_hash)
