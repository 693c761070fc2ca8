"""What is told to whom, and in which words. Pure: texts are Vietnamese, for the people who read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.calendar import period_in_words
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.events import (
    DeliveryFailed,
    PartnerHoldsNewer,
    ProposalMoved,
    Reason,
    ReconciliationFinished,
    SecurityServerAnnounced,
    SourceDiffered,
    SubmissionApproved,
    SubmissionReturned,
)

SHOWN_REASONS = 5


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads an entry: people holding `right`, of this agency (None: of any), over this unit and form."""

    right: str
    agency: str | None = None
    unit: str | None = None
    form: str | None = None

    def includes(self, actor: Actor) -> bool:
        """Tell whether the actor is one of them. Named for no agency, an actor is of every agency in its scope."""
        of_agency = self.agency is None or actor.agency == self.agency
        of_any = actor.agency is None and EVERYWHERE in actor.units
        return actor.may(self.right) and (of_agency or of_any) and actor.covers(unit=self.unit, form=self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell one audience. `topic` is the event and its subject: the same is told an audience once."""

    topic: str
    audience: Audience
    title: str
    text: str
    subject: str
    link: str


def returned(event: SubmissionReturned) -> list[Notice]:
    """Tell the agency's clerks what to correct, with the leader's reasons (Đ15.4a)."""
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience("submissions.edit", event.agency, event.unit, event.form),
            title=f"Số liệu {event.form} {period_in_words(event.period)} bị trả lại",
            text=f"Lần gửi {event.round} bị trả lại với lý do: {_reasons(event.reasons)} Đề nghị chỉnh sửa và gửi lại.",
            subject=event.submission_id,
            link=f"/v1/submissions/{event.submission_id}",
        )
    ]


def approved(event: SubmissionApproved) -> list[Notice]:
    """Tell the agency's clerks that their figures stand, and the agencies that receive them (Đ10.1)."""
    topic = f"{event.event}:{event.subject}"
    return [
        Notice(
            topic=topic,
            audience=Audience("submissions.edit", event.agency, event.unit, event.form),
            title=f"Số liệu {event.form} {period_in_words(event.period)} đã được duyệt",
            text=f"Lần gửi {event.round} đã được lãnh đạo duyệt và đang được đưa vào kho dữ liệu tổng hợp.",
            subject=event.submission_id,
            link=f"/v1/submissions/{event.submission_id}",
        ),
        *(
            Notice(
                topic=topic,
                # The form names the agency, so it is told wherever its people's own scopes end.
                audience=Audience("observations.read", receiver),
                title=f"Số liệu {event.form} {period_in_words(event.period)} của {event.unit} được gửi tới đơn vị",
                text=f"{event.agency} đã duyệt số liệu lần {event.round}; đơn vị được chỉ định nhận số liệu này.",
                subject=event.submission_id,
                link=f"/v1/observations?form={event.form}&unit={event.unit}&period_from={event.period}"
                f"&period_to={event.period}",
            )
            for receiver in event.receivers
        ),
    ]


_RESEND = "Cần người vận hành kiểm tra và cho gửi lại"
_FAILURES = {
    "rejected": ("Hệ thống nhận đã từ chối", _RESEND),
    "in_doubt": (
        "Chưa rõ hệ thống nhận đã nhận được hay chưa",
        "Cần người vận hành hỏi bên nhận rồi xác nhận kết quả; chưa xác nhận thì không gửi tiếp",
    ),
}


def delivery_failed(event: DeliveryFailed) -> list[Notice]:
    """Tell those who run deliveries, and the agency whose figures did not arrive."""
    title = f"Gửi số liệu {event.form} {period_in_words(event.period)} tới {event.partner} không thành công"
    outcome, wanted = _FAILURES.get(event.state, (f"Đã thử {event.attempts} lần mà chưa được", _RESEND))
    topic = f"{event.event}:{event.subject}"
    link = f"/v1/deliveries/{event.delivery_id}"
    return [
        Notice(
            topic=topic,
            audience=Audience("deliveries.manage"),
            title=title,
            text=f"{outcome}. Lỗi: {event.error}. {wanted}.",
            subject=event.delivery_id,
            link=link,
        ),
        Notice(
            topic=topic,
            audience=Audience("cases.decide", event.agency, event.unit, event.form),
            title=title,
            text=f"{outcome}. Bộ phận vận hành đã được thông báo; số liệu đã duyệt vẫn được giữ nguyên.",
            subject=event.delivery_id,
            link=link,
        ),
    ]


_MOVES = {
    "submitted": "được gửi lấy ý kiến",
    "reviewed": "có ý kiến góp ý",
    "returned": "bị trả lại để chỉnh sửa",
    "published": "đã được ban hành",
    "rejected": "bị từ chối",
    "withdrawn": "đã được rút lại",
}


def proposal_moved(event: ProposalMoved) -> list[Notice]:
    """Tell the agency that proposed what became of its proposal, and reviewers what waits for them (Đ14.2)."""
    title = f"Đề xuất “{event.title}” {_MOVES.get(event.moved, event.moved)}"
    said = "" if event.agrees is None else "Đồng ý. " if event.agrees else "Không đồng ý. "
    label = "Căn cứ: " if event.moved == "published" else "Lý do: " if event.moved in ("returned", "rejected") else ""
    text = f"{said}{label}{event.text}".strip() or f"Người thực hiện: {event.by}."
    audiences = [] if event.owner is None else [Audience("catalogue.propose", event.owner)]
    if event.moved in ("submitted", "published", "withdrawn"):
        audiences.append(Audience("catalogue.review"))
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=audience,
            title=title,
            text=text,
            subject=event.proposal_id,
            link=f"/v1/proposals/{event.proposal_id}",
        )
        for audience in audiences
    ]


def reconciled(event: ReconciliationFinished) -> list[Notice]:
    """Tell those who follow reconciliation (Đ10.1) of differences. Equality is no news: its report can be read."""
    if event.equal:
        return []
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience("reconciliations.read"),
            title=f"Đối soát với {event.partner}: có chênh lệch",
            text=f"Số liệu hai bên không khớp: {_differences(event.differences, event.direction)}.",
            subject=event.reconciliation_id,
            link=f"/v1/reconciliations/{event.reconciliation_id}",
        )
    ]


def security_server_announced(event: SecurityServerAnnounced) -> list[Notice]:
    """Tell the administrators that a security server changes on a day (Đ11)."""
    what = "ngừng hoạt động" if event.retired else f"hoạt động tại {event.address}"
    urgent = " (khẩn cấp)" if event.emergency else ""
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience("partners.manage"),
            title=f"Máy chủ bảo mật {event.server} thay đổi từ ngày {event.effective_on:%d/%m/%Y}{urgent}",
            text=f"Từ ngày {event.effective_on:%d/%m/%Y}, máy chủ bảo mật {event.server} {what}."
            + (f" Lý do: {event.reason.rstrip('.')}." if event.reason else ""),
            subject=event.server,
            link="/v1/security-servers",
        )
    ]


_CLASSES = {
    "missing_there": "thiếu ở bên nhận",
    "stale_there": "cũ hoặc thừa ở bên nhận",
    "missing_here": "có ở bên nhận mà chưa có ở tỉnh",
    "duplicate": "bị trùng ở bên nhận",
    "mapping_gap": "chưa đối chiếu được mã",
    "older_version": "là bản cũ ở bên nhận",
    "newer_version": "bên nhận giữ phiên bản mới hơn",
    "status": "khác trạng thái",
    "unit_scale": "lệch đơn vị tính",
    "rounding": "lệch do làm tròn",
    "value": "khác giá trị",
    "different": "khác giá trị",  # as versions up to 0.2 told it
}


_OF_SOURCES = {
    "missing_there": "nguồn không còn",
    "missing_here": "nguồn có mà tỉnh chưa nhận",
    "duplicate": "bị trùng ở nguồn",
    "older_version": "nguồn đã thay đổi sau lần gửi cuối",
    "conflict": "chờ chọn giữa số nhập tay và số của nguồn",
    "by_hand": "nhập tay khác số của nguồn",
    "approved_other": "đã duyệt khác số của nguồn",
}
"""Classes towards sources, where they read otherwise."""


def source_differed(event: SourceDiffered) -> list[Notice]:
    """Tell the agency whose task differences with a source are; approved figures stay as they are until it acts."""
    at_desk = event.task_of == "entry_desk"
    count = sum(event.differences.values())
    todo = (
        "Đề nghị kiểm tra, nhập lại nếu cần và trình duyệt; số đã duyệt vẫn giữ nguyên cho đến khi bản mới được duyệt."
        if at_desk
        else "Đề nghị làm việc với hệ thống nguồn để kiểm tra và gửi lại."
    )
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience("submissions.edit" if at_desk else "reconciliations.read", event.agency),
            title=f"Đối soát với nguồn {event.partner_name}: {count} số liệu cần xử lý",
            text=f"{_sentence(_differences(event.differences, 'source'))}. {todo}",
            subject=event.reconciliation_id,
            link=f"/v1/reconciliations/{event.reconciliation_id}/report",
        )
    ]


def partner_holds_newer(event: PartnerHoldsNewer) -> list[Notice]:
    """Tell the agency that answers for a partner that it holds newer versions than the hub's, with both and what to
    do."""
    keys = "; ".join(
        f"{key.form}, {key.unit}, {period_in_words(key.period)}: "
        f"tỉnh phiên bản {key.ours}, bên nhận phiên bản {key.theirs}"
        for key in event.keys
    )
    return [
        Notice(
            topic=f"{event.event}:{event.subject}",
            audience=Audience("reconciliations.read", event.agency),
            title=f"{event.partner_name} giữ phiên bản mới hơn của tỉnh: {event.differences} số liệu",
            text=f"{keys}. Bên nhận từ chối bản gửi lại của tỉnh. Đề nghị đối chiếu với đơn vị quản lý hệ thống: nếu "
            "bên đó đúng thì cập nhật và trình duyệt lại ở tỉnh, hoặc chấp nhận có lý do; nếu tỉnh đúng thì gửi đè có "
            "lý do.",
            subject=event.reconciliation_id,
            link=f"/v1/reconciliations/{event.reconciliation_id}/report",
        )
    ]


def _differences(counts: dict[str, int], direction: str) -> str:
    words = {**_CLASSES, **_OF_SOURCES} if direction == "source" else _CLASSES
    told = [f"{count} số liệu {words.get(kind, kind)}" for kind, count in sorted(counts.items()) if count]
    return ", ".join(told) or "chưa phân loại được"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _reasons(reasons: Sequence[Reason]) -> str:
    told = [f"{item.indicator}: {item.text}" if item.indicator else item.text for item in reasons[:SHOWN_REASONS]]
    more = len(reasons) - SHOWN_REASONS
    text = "; ".join(told) + (f"; và {more} lý do khác" if more > 0 else "")
    return text if text.endswith((".", "!", "?")) else f"{text}."
