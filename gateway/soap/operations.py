"""What each SOAP operation asks for and answers. It does what its REST route does, by the same means."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from gateway.auth import Caller
from gateway.routes.data import Intake
from gateway.routes.digests import require_whole
from gateway.soap.envelope import Message, R
from shared.canonical import content_hash, decimal_text
from shared.contracts.views.digests import DigestPage, DigestView, ListedPage
from shared.contracts.views.submissions import ReceiptView
from shared.errors import Invalid

Content = Mapping[str, Any]
_DECIMAL = re.compile(r"([+-]?)0*(\d*)\.?(\d*)")
_PAGE = 1_000
_MAX_ENTRIES = 20_000
_PAGED = ("after", "limit")
_FINER = {
    "part": ("level", "period", "form", "parts"),
    "bucket": ("level", "period", "form", "parts", "part"),
    "group": ("level", "period", "form", "groups", "unit"),
}
"""What a question below a form takes, by its level."""

_TAKEN = ("accepted", "unchanged", "conflict")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the right that it needs, what it is in the message log, and what it does."""

    right: str
    kind: str
    perform: Callable[[Caller, Message, Intake], Awaitable[Content]]


async def submit_report_data(caller: Caller, message: Message, intake: Intake) -> Content:
    """Push figures, as `POST /v1/data` does; `message_id` is the Idempotency-Key. Figures that the message does not
    list stay as they are: only a unit's own people empty a cell.

    Raises Invalid("soap.content_hash") if the hash that the message names is not that of its content, and what the
    route raises.
    """
    given = message.fields()
    rows = [_row(item) for item in message.body.findall(f"{R}value")]
    _check_hash(given, rows)
    receipt, replayed = await intake.accept(caller, given["message_id"], _push(given, rows))
    return _told(given["message_id"], receipt, replayed=replayed) | {"version": int(given["version"])}


async def get_report_status(caller: Caller, message: Message, intake: Intake) -> Content:
    """Tell what became of a message, as `GET /v1/receipts/{id}` does. `unknown`: it is not here, or not processed yet;
    sending it again is safe."""
    message_id = message.fields()["message_id"]
    receipt_id = intake.receipt_id(caller, message_id)
    if caller.exchange is not None:
        caller.exchange.message_id = receipt_id
    raw = await caller.ask("submissions", "find_receipt", receipt_id=receipt_id)
    receipt = msgspec.json.decode(raw, type=ReceiptView | None)
    if receipt is None:
        return {"message_id": message_id, "state": "unknown"}
    return _told(message_id, receipt, replayed=False)


async def get_digests(caller: Caller, message: Message, _intake: Intake) -> Content:
    """Return digests, as `GET /v1/digests` does, all of a level at once.

    Raises Invalid("soap.not_offered") for what the level does not take, Invalid("gateway.incomplete_question") for a
    level below a form without all that it needs, Invalid("soap.too_many") for more than an answer bears.
    """
    level = message.fields().get("level", "")
    finer = level in ("part", "group") or "parts" in message.names()
    asked = _asked(message, _FINER.get(level, ()) if finer else ("level", "period", "form"))
    caller.concerns(form=asked.get("form"), period=asked.get("period"))
    if finer:
        shares = asked.get("groups" if level == "group" else "parts")
        given: dict[str, Any] = {
            "level": level,
            "period": asked.get("period"),
            "form": asked.get("form"),
            "shares": _count(shares),
        }
        require_whole(given)
        chosen, units = [int(number) for number in message.texts("part")], message.texts("unit")
        raw = await caller.ask("integration", "search_digests", **given, chosen=chosen, units=units)
        return {"entry": [_entry(row) for row in msgspec.json.decode(raw, type=DigestPage).digests]}
    entries: list[dict[str, Any]] = []
    after = None
    while True:
        raw = await caller.ask("integration", "read_digests", **asked, after=after, limit=_PAGE)
        page = msgspec.json.decode(raw, type=DigestPage)
        entries += [_entry(row) for row in page.digests]
        after = page.next
        if after is None:
            return {"entry": entries}
        if len(entries) >= _MAX_ENTRIES:
            raise Invalid(
                "soap.too_many",
                f"more than {_MAX_ENTRIES} digests; name period and form",
                "Kết quả quá lớn; hãy nêu kỳ và biểu mẫu.",
            )


async def list_values(caller: Caller, message: Message, _intake: Intake) -> Content:
    """Return a page of values, as `GET /v1/values` does; of their keys what the question did not name. Raises as
    `get_digests`."""
    finer = bool(message.names() & {"groups", "of"})
    asked = _asked(
        message, ("form", "period", "groups", "of", *_PAGED) if finer else ("form", "unit", "period", *_PAGED)
    )
    caller.concerns(form=asked.get("form"), unit=asked.get("unit"), period=asked.get("period"))
    paged: dict[str, Any] = {"after": asked.get("after"), "limit": min(_count(asked.get("limit")) or _PAGE, _PAGE)}
    if finer:
        given: dict[str, Any] = {"period": asked.get("period"), "form": asked.get("form")}
        given["shares"] = _count(asked.get("groups"))
        require_whole(given)
        of = [(item.findtext(f"{R}unit").strip(), int(item.findtext(f"{R}group"))) for item in message.all("of")]
        raw = await caller.ask("integration", "list_groups", **given, of=of, **paged)
    else:
        raw = await caller.ask("integration", "list_values", **asked | paged)
    page = msgspec.json.decode(raw, type=ListedPage)
    values = [
        {"indicator": row.indicator, "amount": row.value, "status": row.status, "version": row.version}
        | {name: getattr(row, name) for name in ("period", "form", "unit") if name not in asked}
        for row in page.values
    ]
    return {"value": values, "next": page.next}


OPERATIONS: dict[str, Operation] = {
    "SubmitReportData": Operation("data.push", "push", submit_report_data),
    "GetReportStatus": Operation("data.push", "status", get_report_status),
    "GetDigests": Operation("digests.read", "digests", get_digests),
    "ListValues": Operation("digests.read", "values", list_values),
}


def _asked(message: Message, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what is asked for. Raises Invalid("soap.not_offered") for elements that this question does not take: one
    that is passed over would be answered by another question's answer."""
    given = message.fields()
    if odd := message.names() - set(names):
        raise Invalid(
            "soap.not_offered",
            f"this question takes {', '.join(names) or 'nothing below a form'}, not {', '.join(sorted(odd))}",
            f"Câu hỏi này không nhận phần tử: {', '.join(sorted(odd))}.",
        )
    return {name: given[name] for name in names if name in given}


def _entry(row: DigestView) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("period", "form", "unit", "share", "count", "digest")}


def _count(text: str | None) -> int | None:
    return None if text is None else int(text)


@dataclass(frozen=True, slots=True)
class _Row:
    indicator: str
    amount: str | None
    status: str


def _row(element: Any) -> _Row:
    amount = element.findtext(f"{R}amount")
    return _Row(
        (element.findtext(f"{R}indicator") or "").strip(),
        None if amount is None else _number(amount.strip()),
        (element.findtext(f"{R}status") or "").strip(),
    )


def _number(text: str) -> str:
    """Return an xsd:decimal as JSON writes numbers, digit by digit."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise Invalid("soap.invalid", f"{text[:60]} is no decimal", "Giá trị không phải là số.")
    sign, whole, fraction = found.groups()
    return ("-" if sign == "-" else "") + (whole or "0") + (f".{fraction}" if fraction else "")


def _push(given: Mapping[str, str], rows: list[_Row]) -> bytes:
    """Return the push as `POST /v1/data` takes it: the same message is the same bytes, however its XML is laid out."""
    figures = [
        {"indicator": row.indicator, "status": row.status}
        | ({"nothing_occurred": True} if row.amount is None else {"value": msgspec.Raw(row.amount.encode())})
        for row in rows
    ]
    place = {"form": given["form"], "unit": given["unit"], "period": given["period"]}
    return msgspec.json.encode(place | {"figures": figures})


def _check_hash(given: Mapping[str, str], rows: list[_Row]) -> None:
    told = given.get("content_hash")
    if told is None:
        return
    head = (given["form"], given["unit"], given["period"], str(int(given["version"])))
    if content_hash(head, [(row.indicator, _canonical(row.amount), row.status) for row in rows]) != told:
        raise Invalid(
            "soap.content_hash",
            "content_hash is not the hash of this content",
            "Mã băm nội dung không khớp với số liệu trong bản tin.",
        )


def _canonical(amount: str | None) -> str | None:
    if amount is None:
        return None
    try:
        return decimal_text(Decimal(amount))
    except Invalid:
        return amount  # more digits than the warehouse holds: its figure is refused by the intake, as by REST


def _told(message_id: str, receipt: ReceiptView, *, replayed: bool) -> dict[str, Any]:
    return {
        "message_id": message_id,
        "state": _state(receipt, replayed),
        "receipt": receipt.receipt_id,
        "outcome": [
            {
                "indicator": item.indicator,
                "unit": item.unit,
                "period": item.period,
                "outcome": item.outcome,
                "code": item.code,
                "detail": item.detail,
            }
            for item in receipt.outcomes
        ],
    }


def _state(receipt: ReceiptView, replayed: bool) -> str:
    """Return the state of a packet: `applied` if any figure was taken, `superseded` if newer ones stand everywhere."""
    if receipt.state == "accepted":
        return "accepted"
    if receipt.state == "processed" and any(receipt.counts.get(name) for name in _TAKEN):
        return "already_applied" if replayed else "applied"
    if receipt.counts.get("superseded") and not receipt.counts.get("refused"):
        return "superseded"
    return "rejected"
