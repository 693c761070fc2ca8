"""What people are told, and who."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.notifications.announcements import announced
from services.notifications.domain import (
    Audience,
    Notice,
    approved,
    delivery_failed,
    partner_holds_newer,
    proposal_moved,
    reconciled,
    returned,
    source_differed,
)
from shared.calendar import period_in_words
from shared.contracts.actor import Actor
from shared.contracts.events import (
    DeliveryFailed,
    NewerKey,
    ObligationsAnnounced,
    OwedItem,
    PartnerHoldsNewer,
    ProposalMoved,
    Reason,
    ReconciliationFinished,
    SourceDiffered,
    SubmissionApproved,
    SubmissionReturned,
)

OF: dict[str, Any] = {
    "submission_id": "s1",
    "round": 2,
    "content_hash": "h",
    "form": "GD-NAM",
    "unit": "LC",
    "agency": "LC-SGDDT",
    "period": "2016",
    "decided_by": "person:leader",
    "decided_at": datetime(2017, 1, 1, tzinfo=UTC),
}


def failed(state: str = "dead") -> DeliveryFailed:
    return DeliveryFailed(
        delivery_id="d1",
        partner="quoc-gia",
        form="GD-NAM",
        unit="LC",
        agency="LC-SGDDT",
        period="2016",
        state=state,
        error="HTTP 503",
        attempts=20,
    )


def test_a_return_tells_the_agencys_clerks_every_reason() -> None:
    reasons = [Reason("Chưa khớp với sổ", "GD03.THPT"), Reason("Thiếu thuyết minh")]
    (notice,) = returned(SubmissionReturned(**OF, reasons=reasons))
    assert notice.audience == Audience("submissions.edit", "LC-SGDDT", "LC", "GD-NAM")
    assert notice.title == "Số liệu GD-NAM năm 2016 bị trả lại"
    assert notice.text == (
        "Lần gửi 2 bị trả lại với lý do: GD03.THPT: Chưa khớp với sổ; Thiếu thuyết minh. Đề nghị chỉnh sửa và gửi lại."
    )
    assert notice.link == "/v1/submissions/s1"


def test_an_approval_tells_the_agencies_that_receive_it_whatever_their_scopes() -> None:
    event = SubmissionApproved(**OF, level="province", receivers=["LC-STC"])
    own, received = approved(event)
    assert own.audience == Audience("submissions.edit", "LC-SGDDT", "LC", "GD-NAM")
    assert received.audience == Audience("observations.read", "LC-STC")
    assert received.title == "Số liệu GD-NAM năm 2016 của LC được gửi tới đơn vị"


def test_many_reasons_are_shortened_with_their_number() -> None:
    (notice,) = returned(SubmissionReturned(**OF, reasons=[Reason(f"lý do {n}") for n in range(8)]))
    assert "lý do 4; và 3 lý do khác." in notice.text


def test_an_approval_tells_the_agencys_clerks() -> None:
    (notice,) = approved(SubmissionApproved(**OF, level="province"))
    assert notice.title == "Số liệu GD-NAM năm 2016 đã được duyệt"


def test_a_failed_delivery_tells_operators_and_the_agencys_leaders() -> None:
    operators, leaders = delivery_failed(failed())
    assert operators.audience == Audience("deliveries.manage")
    assert "Đã thử 20 lần" in operators.text
    assert "HTTP 503" in operators.text
    assert leaders.audience == Audience("cases.decide", "LC-SGDDT", "LC", "GD-NAM")
    assert delivery_failed(failed("rejected"))[0].text.startswith("Hệ thống nhận đã từ chối.")


def test_a_reconciliation_tells_of_differences_and_is_silent_about_equality() -> None:
    found = {"missing_there": 1, "stale_there": 0, "different": 2}
    event = ReconciliationFinished(reconciliation_id="r1", partner="quoc-gia", equal=False, differences=found)
    (notice,) = reconciled(event)
    assert notice.text == "Số liệu hai bên không khớp: 2 số liệu khác giá trị, 1 số liệu thiếu ở bên nhận."
    assert reconciled(ReconciliationFinished(reconciliation_id="r2", partner="x", equal=True, differences={})) == []


def test_differences_with_a_source_are_told_to_those_whose_task_they_are() -> None:
    event = SourceDiffered(
        reconciliation_id="r1",
        partner="nguon-giao-duc",
        partner_name="CSDL ngành giáo dục",
        agency="LC-SGDDT",
        task_of="entry_desk",
        differences={"by_hand": 2, "conflict": 1},
    )
    (notice,) = source_differed(event)
    assert notice.audience == Audience("submissions.edit", "LC-SGDDT")
    assert notice.title == "Đối soát với nguồn CSDL ngành giáo dục: 3 số liệu cần xử lý"
    assert notice.text.startswith(
        "2 số liệu nhập tay khác số của nguồn, 1 số liệu chờ chọn giữa số nhập tay và số của nguồn. Đề nghị kiểm tra"
    )
    (other,) = source_differed(msgspec.structs.replace(event, task_of="source", differences={"missing_here": 1}))
    assert other.audience == Audience("reconciliations.read", "LC-SGDDT") and other.topic != notice.topic
    assert "1 số liệu nguồn có mà tỉnh chưa nhận" in other.text


def test_newer_versions_at_a_partner_are_told_to_its_agency_with_both_versions_and_what_to_do() -> None:
    event = PartnerHoldsNewer(
        reconciliation_id="r1",
        partner="quoc-gia",
        partner_name="Hệ thống quốc gia",
        agency="LC-VP",
        differences=2,
        keys=[NewerKey(form="GD-NAM", unit="LC", period="2016", ours=1, theirs=9)],
    )
    (notice,) = partner_holds_newer(event)
    assert notice.audience == Audience("reconciliations.read", "LC-VP")
    assert notice.title == "Hệ thống quốc gia giữ phiên bản mới hơn của tỉnh: 2 số liệu"
    assert notice.text.startswith("GD-NAM, LC, năm 2016: tỉnh phiên bản 1, bên nhận phiên bản 9.")
    assert "gửi đè có lý do" in notice.text


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("2016", "năm 2016"),
        ("2016-Q1", "quý 1 năm 2016"),
        ("2016-03", "tháng 3 năm 2016"),
        ("2016-H1", "6 tháng đầu năm 2016"),
        ("2016-H2", "6 tháng cuối năm 2016"),
        ("2016-9M", "9 tháng năm 2016"),
        ("2016-03-25", "ngày 25/3/2016"),
    ],
)
def test_periods_are_told_in_words(period: str, words: str) -> None:
    assert period_in_words(period) == words


def test_an_audience_is_bounded_by_right_agency_and_scope() -> None:
    audience = Audience("submissions.edit", "LC-SGDDT", "LC", "GD-NAM")

    def reader(**other: Any) -> Actor:
        values: dict[str, Any] = {
            "rights": ("submissions.edit",),
            "units": ("LC",),
            "forms": ("GD-NAM",),
            "agency": "LC-SGDDT",
        }
        return Actor(id="p", kind="person", name="P", **values | other)

    assert audience.includes(reader())
    assert audience.includes(reader(agency=None, units=("*",)))
    assert not audience.includes(reader(rights=("inbox.read",)))
    assert not audience.includes(reader(agency="LC-SYT"))
    assert not audience.includes(reader(units=("03388",)))
    assert not audience.includes(reader(forms=("YT-NAM",)))


def moved(how: str, **more: Any) -> ProposalMoved:
    return ProposalMoved(
        proposal_id="GD-2026", title="Báo cáo tháng", owner="LC-SGDDT", round=1, moved=how, by="person:office", **more
    )


def test_a_submitted_proposal_is_told_to_reviewers_and_its_agency() -> None:
    own, reviewers = proposal_moved(moved("submitted"))
    assert (own.audience, reviewers.audience) == (
        Audience("catalogue.propose", "LC-SGDDT"),
        Audience("catalogue.review"),
    )
    assert reviewers.title == "Đề xuất “Báo cáo tháng” được gửi lấy ý kiến"
    assert reviewers.link == "/v1/proposals/GD-2026"


def test_a_return_is_told_to_the_agency_alone_with_its_reason() -> None:
    (notice,) = proposal_moved(moved("returned", text="Thiếu đơn vị tính"))
    assert (notice.audience.agency, notice.text) == ("LC-SGDDT", "Lý do: Thiếu đơn vị tính")


def test_an_opinion_says_whether_it_agrees() -> None:
    (notice,) = proposal_moved(moved("reviewed", agrees=False, text="Trùng biểu"))
    assert notice.text == "Không đồng ý. Trùng biểu"


# -- announcements ---------------------------------------------------------------------------------------------------

DUE = datetime(2026, 11, 25, 10, tzinfo=UTC)


def announcement(act: str, *items: OwedItem, until: datetime | None = None, reason: str = "Mưa lũ") -> list[Notice]:
    owed = list(items) or [OwedItem("s1", "XA-THANG", "X000", "2026-10", DUE)]
    return announced(
        ObligationsAnnounced(
            announcement="a1",
            act=act,
            agency="X000",
            by="office",
            at=datetime(2026, 11, 26, tzinfo=UTC),
            reason=reason,
            until=until,
            index=0,
            obligations=owed,
        )
    )


@pytest.mark.parametrize(
    ("act", "until", "title", "text"),
    [
        (
            "extended",
            DUE,
            "Gia hạn nộp báo cáo XA-THANG tháng 10 năm 2026",
            "Thời hạn mới: 17:00 ngày 25/11/2026. Lý do: Mưa lũ.",
        ),
        ("waived", None, "Miễn nộp báo cáo XA-THANG tháng 10 năm 2026", "Lý do: Mưa lũ."),
        ("restored", None, "Tiếp tục phải nộp báo cáo XA-THANG tháng 10 năm 2026", "Lý do: Mưa lũ."),
        (
            "opened",
            DUE,
            "Mở nhận số liệu báo cáo XA-THANG tháng 10 năm 2026 ngoài thời gian quy định",
            "Nhận số liệu đến 17:00 ngày 25/11/2026. Lý do: Mưa lũ.",
        ),
        (
            "closed",
            None,
            "Dừng nhận số liệu báo cáo XA-THANG tháng 10 năm 2026",
            "Dừng nhận cho đến khi có thông báo mới. Lý do: Mưa lũ.",
        ),
    ],
)
def test_an_announcement_tells_the_agencys_clerks_in_words(
    act: str, until: datetime | None, title: str, text: str
) -> None:
    (notice,) = announcement(act, until=until)
    assert notice.audience == Audience("submissions.edit", "X000", "X000", "XA-THANG")
    assert (notice.title, notice.text) == (title, text)
    assert notice.link == "/v1/submissions/s1"


def test_urging_tells_clerks_and_leaders_what_is_overdue_and_what_is_due() -> None:
    later = OwedItem("s2", "GD-NAM", "X001", "2026", datetime(2026, 12, 25, 10, tzinfo=UTC))
    first = OwedItem("s1", "XA-THANG", "X000", "2026-10", DUE)
    clerks, leaders = announcement("urged", first, later, reason="")
    assert clerks.audience == Audience("submissions.edit", "X000")
    assert leaders.audience == Audience("cases.decide", "X000")
    assert clerks.title == "Đôn đốc nộp 2 báo cáo"
    assert clerks.text == (
        "XA-THANG tháng 10 năm 2026, đơn vị X000 đã quá hạn 17:00 ngày 25/11/2026; "
        "GD-NAM năm 2026, đơn vị X001 đến hạn 17:00 ngày 25/12/2026."
    )
    many = [OwedItem(f"s{number}", "XA-THANG", f"X{number}", "2026-10", None) for number in range(12)]
    assert announcement("urged", *many)[0].text.endswith("; và 2 báo cáo khác. Nội dung: Mưa lũ.")
    assert announcement("urged", *many)[0].title == "Đôn đốc nộp báo cáo XA-THANG tháng 10 năm 2026 (12 đơn vị)"
