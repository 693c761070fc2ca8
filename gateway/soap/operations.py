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
from gateway.soap.envelope import Message, R
from shared.canonical import content_hash, decimal_text
from shared.contracts.views import ReceiptView
from shared.errors import Invalid

Content = Mapping[str, Any]
_DECIMAL = re.compile(r"([+-]?)0*(\d*)\.?(\d*)")
_TAKEN = ("accepted", "unchanged", "conflict")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the right that it needs, and what it does."""

    right: str
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
    raw = await caller.ask("submissions", "find_receipt", receipt_id=intake.receipt_id(caller, message_id))
    receipt = msgspec.json.decode(raw, type=ReceiptView | None)
    if receipt is None:
        return {"message_id": message_id, "state": "unknown"}
    return _told(message_id, receipt, replayed=False)


OPERATIONS: dict[str, Operation] = {
    "SubmitReportData": Operation("data.push", submit_report_data),
    "GetReportStatus": Operation("data.push", get_report_status),
}


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
