"""Trying a partner, step by step, without giving it anything: is it permitted, named, reachable, who it says it is,
does it know us, does it speak the protocol, does a question come back answered, does its clock agree; and of a source,
whether a page of it can be read.

Called outside every transaction. A step that fails ends what hangs on it; what was not tried says so. Every call goes
over the partner's own road, in its turn, and into the message log like any other. It passes an open breaker, because a
person wants to know now, and closes it if the partner answers.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from services.integration.clients import Client, Connect, about, open_client
from services.integration.clients.protocol import Probing, Unanswered
from services.integration.clients.recording import Call
from services.integration.clients.sources import open_source
from services.integration.clients.transport import tls_context
from services.integration.domain import timetable
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.messages import Message
from services.integration.domain.partners import Partner, Signatures
from services.integration.domain.pulled import Page, Reader
from services.integration.domain.pulls import first_ask
from services.integration.governing import Governed, HeldBack
from services.integration.settings import IntegrationSettings, endpoint_of
from shared.contracts.views.partners import CheckStep
from shared.errors import HubError
from shared.storage import UnitOfWork

STEPS = ("permission", "name", "connection", "certificate", "authentication", "schema", "round_trip", "clock")
_SPOKEN = STEPS[4:7]
CERTIFICATE_DAYS = 14
"""A certificate that ends sooner fails its step: there is just time to have another made."""
CLOCK_SECONDS = 60.0
"""A clock further off fails its step: signatures and permissions of a day would be judged differently there."""

SOURCE_SECONDS = 15.0
"""A source that takes longer to give a page is told so here, though a pull may wait for it."""

_SENDER = "lai-chau"
_ONLY_PULLED = "it is only pulled from", "chỉ lấy số liệu từ hệ thống này, không gửi đến"
_ONLY_A_DELIVERY = "hệ thống không có câu hỏi nào để thử; chỉ lần gửi thật mới cho biết"


class _Failed(Exception):
    """A step failed: what was found, in English and in Vietnamese."""

    def __init__(self, told: str, detail: str) -> None:
        super().__init__(told)
        self.words = told, detail


class _Watching(Governed):
    """Keeps, beside its notes, the last answer's status and headers."""

    last: Call | None = None

    @contextmanager
    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Iterator[Call]:
        with super().call(method, url, headers, body) as made:
            self.last = made
            yield made


@dataclass(slots=True)
class Trial:
    """The steps that were taken, and what was noted of the calls."""

    steps: list[CheckStep] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return all(step.passed is not False for step in self.steps)

    def take(self, step: str, try_it: Callable[[], tuple[str, str]]) -> bool:
        """Take one step and keep what it found; tell whether it passed."""
        began = time.monotonic()
        try:
            passed, (told, detail) = True, try_it()
        except _Failed as failed:
            passed, (told, detail) = False, failed.words
        seconds = round(time.monotonic() - began, 4)
        self.steps.append(CheckStep(step=step, passed=passed, told=told, detail=detail, seconds=seconds))
        return passed

    def skip(self, *steps: str, why: tuple[str, str] = ("not tried", "chưa thử")) -> None:
        """Say that these were not tried."""
        self.steps += [CheckStep(step=step, passed=None, told=why[0], detail=why[1]) for step in steps]


def check(
    unit: UnitOfWork,
    partner: Partner,
    settings: IntegrationSettings,
    reader: Reader | None = None,
    connect: Connect = open_client,
) -> Trial:
    """Try this partner; see the module. `reader` reads its pages if it is a source."""
    trial = Trial()
    _call(trial, unit, partner, settings, reader, connect)
    signatures = None if partner.permission is None else partner.permission.signatures
    if signatures is not None:
        trial.take("signatures", lambda: _signatures(partner.id, signatures, settings))
    return trial


def _call(
    trial: Trial,
    unit: UnitOfWork,
    partner: Partner,
    settings: IntegrationSettings,
    reader: Reader | None,
    connect: Connect,
) -> None:
    address = urlsplit(endpoint_of(partner.id, partner.endpoint))
    if not trial.take("permission", lambda: _permission(partner)):
        trial.skip(*STEPS[1:])
    elif partner.protocol == "push":
        trial.skip(*STEPS[1:], why=("it calls the hub and is never called", "hệ thống này chỉ gọi đến, không được gọi"))
    elif not trial.take("name", lambda: _name(address)) or not trial.take(
        "connection", lambda: _connection(address, settings)
    ):
        trial.skip(*STEPS[len(trial.steps) :])
    elif address.scheme != "https":
        trial.skip("certificate", why=("the road has no TLS", "đường truyền không dùng TLS"))
        _converse(trial, unit, partner, settings, reader, connect)
    elif trial.take("certificate", lambda: _certificate(address, partner, settings)):
        _converse(trial, unit, partner, settings, reader, connect)
    else:
        trial.skip(*STEPS[4:])


def _converse(
    trial: Trial,
    unit: UnitOfWork,
    partner: Partner,
    settings: IntegrationSettings,
    reader: Reader | None,
    connect: Connect,
) -> None:
    recorder = _Watching(unit, partner.id, settings, by_person=True)
    if partner.forms or not partner.source:
        _speak(trial, partner, settings, recorder, connect)
    else:
        trial.skip(*_SPOKEN, why=_ONLY_PULLED)
    if reader is not None:
        trial.take("source", lambda: _source(partner, settings, recorder, reader))
        trial.notes += recorder.take()
    _clock(trial, recorder)


def _signatures(sender: str, signatures: Signatures, settings: IntegrationSettings) -> tuple[str, str]:
    """Read what says whose signatures are taken: what is missing or at its end would refuse the next push."""
    from services.integration import seals  # signxml and lxml are for partners who sign

    try:
        trust = seals.trust_of(settings.secrets, sender, signatures)
    except HubError as error:
        raise _Failed(error.message, f"Chưa kiểm tra được chữ ký số: {error.detail or error.message}") from error
    demanded = ("demanded", "bắt buộc") if signatures.required else ("checked where there is one", "kiểm tra nếu có")
    told = f"signatures are {demanded[0]}"
    detail = f"Chữ ký số: {demanded[1]}"
    ends = [
        *((item.subject.rfc4514_string(), item.not_valid_after_utc) for item in (*trust.pinned, *trust.authorities)),
        *((item.issuer.rfc4514_string(), item.next_update_utc) for item in trust.revocations if item.next_update_utc),
    ]
    for name, end in ends:
        told += f"; {name} until {end:%Y-%m-%d}"
        detail += f"; {name} đến {end:%d/%m/%Y}"
    if any(end <= datetime.now(UTC) for _, end in ends):
        raise _Failed(f"{told}: over", f"{detail}: đã hết hạn.")
    return told, f"{detail}."


# -- the road ----------------------------------------------------------------------------------------------------------


def _permission(partner: Partner) -> tuple[str, str]:
    hold = timetable.held(partner, datetime.now(UTC))
    if hold is not None:
        raise _Failed(f"it may not be called now: {hold.code}", hold.detail)
    decision = partner.permission.decision if partner.permission is not None else ""
    return f"permitted by {decision}", f"Được phép kết nối theo {decision}."


def _name(address: SplitResult) -> tuple[str, str]:
    host = address.hostname or ""
    try:
        found = sorted({str(row[4][0]) for row in socket.getaddrinfo(host, _port(address), type=socket.SOCK_STREAM)})
    except OSError as error:
        raise _Failed(f"{host} is no known name: {error}", f"Không phân giải được tên {host}.") from error
    return f"{host} is {', '.join(found)}", f"Tên {host} ứng với {', '.join(found)}."


def _connection(address: SplitResult, settings: IntegrationSettings) -> tuple[str, str]:
    place = address.hostname or "", _port(address)
    shown = f"{place[0]}:{place[1]}"
    try:
        socket.create_connection(place, timeout=settings.timeout_seconds).close()
    except OSError as error:
        raise _Failed(f"{shown} takes no connection: {error}", f"Không kết nối được tới {shown}.") from error
    return f"{shown} takes connections", f"Kết nối được tới {shown}."


def _certificate(address: SplitResult, partner: Partner, settings: IntegrationSettings) -> tuple[str, str]:
    place = address.hostname or "", _port(address)
    try:
        context = tls_context(partner.transport, settings)
        with (
            socket.create_connection(place, timeout=settings.timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=place[0]) as secure,
        ):
            held, version = secure.getpeercert() or {}, secure.version()
    except HubError as error:
        raise _Failed(error.message, f"Chưa dùng được chứng thư hoặc khóa của hub: {error.message}.") from error
    except (ssl.SSLError, OSError) as error:
        raise _Failed(f"TLS does not come about: {error}", f"Không thiết lập được kết nối TLS: {error}.") from error
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(held["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    told = f"{version}, certificate until {ends:%Y-%m-%d}, {days} days left"
    detail = f"{version}, chứng thư còn hiệu lực đến {ends:%d/%m/%Y} (còn {days} ngày)."
    if days < CERTIFICATE_DAYS:
        raise _Failed(told, detail)
    return told, detail


# -- the language ------------------------------------------------------------------------------------------------------


def _speak(
    trial: Trial, partner: Partner, settings: IntegrationSettings, recorder: _Watching, connect: Connect
) -> None:
    try:
        client = connect(partner, settings, recorder)
    except HubError as error:
        told, detail = error.message, f"Chưa gọi được: {error.detail or error.message}"
        trial.steps.append(CheckStep(step="authentication", passed=False, told=told, detail=detail))
        trial.skip(*_SPOKEN[1:])
        return
    try:
        answer = _asked(partner, client)
        if answer.said is Said.UNASKABLE:
            trial.skip(*_SPOKEN, why=("it knows no question: only a delivery will tell", _ONLY_A_DELIVERY))
        elif not trial.take("authentication", lambda: _authentication(recorder, answer)):
            trial.skip("schema", "round_trip")
        elif not trial.take("schema", lambda: _schema(partner, client, answer)):
            trial.skip("round_trip")
        else:
            trial.take("round_trip", lambda: _round_trip(answer))
    except HeldBack as error:  # it wants a pause, or its quiet hours began
        step = STEPS[len(trial.steps)]
        trial.steps.append(CheckStep(step=step, passed=False, told=error.message, detail=error.detail or ""))
        trial.skip(*STEPS[len(trial.steps) : -1])
    finally:
        client.close()
        trial.notes += recorder.take()


def _asked(partner: Partner, client: Client) -> Answer:
    """Ask about a packet that nobody ever sent, of a form that the partner takes."""
    never = str(uuid4())
    packet = Packet(
        message_id=never,
        sender=_SENDER,
        form=partner.forms[0] if partner.forms else "",
        unit="0",
        period=str(datetime.now(UTC).year - 1),
        version=1,
        values=(),
    )
    with about("status", message_id=never):
        return client.probe(packet) if isinstance(client, Probing) else client.status(packet)


def _authentication(recorder: _Watching, answer: Answer) -> tuple[str, str]:
    status = None if recorder.last is None else recorder.last.status
    story = answer.error or ""
    if status in (401, 403) or "unauthorised" in story.lower():
        raise _Failed(f"it does not know us: {story}", f"Hệ thống không chấp nhận thông tin xác thực của hub: {story}.")
    if status is None:
        raise _Failed(f"no answer: {story}", f"Hệ thống không trả lời: {story}.")
    return f"it lets us in (HTTP {status})", f"Hệ thống chấp nhận thông tin xác thực (HTTP {status})."


def _schema(partner: Partner, client: Client, answer: Answer) -> tuple[str, str]:
    if answer.said not in (Said.UNKNOWN, Said.APPLIED, Said.SUPERSEDED, Said.REFUSED):
        raise _Failed(
            f"its answer is not of the protocol: {answer.error}", f"Câu trả lời không đúng quy cách: {answer.error}."
        )
    if partner.comparing != "digest":
        return "its answer is of the protocol", "Câu trả lời đúng quy cách."
    try:
        with about("digests"):
            found = client.digests("root")
    except Unanswered as error:
        raise _Failed(f"it gives no digests: {error}", f"Không đọc được mã tổng hợp để đối soát: {error}.") from error
    entries = sum(digest.count for digest in found.values())
    return f"answers parse; it holds {entries} entries", f"Câu trả lời đúng quy cách; bên đó giữ {entries} số liệu."


def _round_trip(answer: Answer) -> tuple[str, str]:
    if answer.said is not Said.UNKNOWN:
        raise _Failed(
            f"it says {answer.said.value} of a message that was never sent",
            f"Hệ thống trả lời “{answer.said.value}” về một thông điệp chưa từng gửi.",
        )
    return "it says of a message never sent that it is unknown", "Hệ thống trả lời đúng: thông điệp chưa từng nhận."


def _source(partner: Partner, settings: IntegrationSettings, recorder: _Watching, reader: Reader) -> tuple[str, str]:
    """Ask a source for its first page, from where a first pull would begin, and read it; nothing is stored."""
    hasty = replace(settings, pull_timeout_seconds=min(settings.pull_timeout_seconds, SOURCE_SECONDS))
    source = reader.source
    try:
        client = open_source(partner, source, hasty, recorder)
        try:
            with about("pull"):
                heard = client.fetch(first_ask(source, source.watermark.since(None)))
        finally:
            client.close()
        page = reader.page(heard.document)
    except HubError as error:
        raise _Failed(error.message, f"Không lấy được trang đầu tiên: {error.message}") from error
    if page.read and not page.rows:
        raise _Failed(*_read(page))
    return _read(page)


def _read(page: Page) -> tuple[str, str]:
    told = f"its first page has {page.read} rows, {len(page.rows)} of use"
    detail = f"Trang đầu tiên có {page.read} dòng, dùng được {len(page.rows)} dòng"
    if page.faults:
        fault = page.faults[0]
        where = f"row {fault.position + 1}, {fault.place}: {fault.code}, {fault.message}"
        return f"{told}; {where}", f"{detail}; dòng {fault.position + 1}, {fault.place}: {fault.code}, {fault.message}."
    return told, f"{detail}."


def _clock(trial: Trial, recorder: _Watching) -> None:
    headers = None if recorder.last is None or recorder.last.answer is None else recorder.last.answer[0]
    dated = None if headers is None else headers.get("date")
    if dated is None:
        trial.skip("clock", why=("it does not say what time it is", "hệ thống không cho biết giờ"))
        return
    trial.take("clock", lambda: _off(dated))


def _off(dated: str) -> tuple[str, str]:
    try:
        off = (parsedate_to_datetime(dated) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError) as error:
        raise _Failed(f"{dated!r} is no date", f"Giờ của hệ thống không đọc được: {dated}.") from error
    seconds = round(off)
    told, detail = f"its clock is {seconds:+d} s off ours", f"Đồng hồ lệch {seconds:+d} giây so với hub."
    if abs(off) > CLOCK_SECONDS:
        raise _Failed(told, detail)
    return told, detail


def _port(address: SplitResult) -> int:
    return address.port or (443 if address.scheme == "https" else 80)
