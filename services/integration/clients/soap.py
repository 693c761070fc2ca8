"""The reporting protocol over SOAP 1.1, by the contract in `shared/schemas`. Only this file imports zeep.

The contract is read from our own copy, never from the partner. Answers are read up to a bound; documents with a type
declaration or entities are refused; the parser neither resolves entities nor touches the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import zeep
from lxml import etree
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError
from zeep.transports import Transport

import shared
from services.integration.clients.protocol import Cost, Listed, Listing, Unanswered, Unknown
from services.integration.clients.rest import failed, refusal
from services.integration.clients.transport import Lost, Road, Unreached
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from shared.canonical import decimal_text
from shared.digest import Brief, Digest
from shared.errors import Invalid

NAMESPACE = "urn:laichau:reporting:1"
_WSDL = Path(shared.__file__).parent / "schemas" / "reporting.wsdl"
_BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"
_VALUE, _INDICATOR, _AMOUNT, _STATUS = (f"{{{NAMESPACE}}}{name}" for name in ("value", "indicator", "amount", "status"))
_PAGE = 1_000
_SAID = {
    "applied": Said.APPLIED,
    "already_applied": Said.APPLIED,
    "superseded": Said.SUPERSEDED,
    "rejected": Said.REFUSED,
    "unknown": Said.UNKNOWN,
}
_SET_UP = {"soap.unauthorised", "gateway.token_missing", "gateway.token_invalid", "accounts.right_missing"}
"""Faults of the client that are none of the packet: repaired by whoever runs one of the two sides."""


class _Malformed(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Response:
    """A reply under the names by which zeep reads one."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    encoding: str = "utf-8"


class RoadTransport(Transport):
    """Lets zeep call over a road. Refuses documents that declare types or entities.

    zeep writes envelopes, all but the `values` of a packet: it takes 60 µs for each, of which there may be thousands.
    They are the last thing in a packet and all alike, so they are put in here.
    """

    def __init__(self, road: Road, cost: Cost) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # zeep
        self._road = road
        self._cost = cost
        self.values: Sequence[tuple[str, str | None, str]] = ()

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        """Called by zeep with an envelope that is whole but for the values."""
        [operation] = envelope.find(_BODY)
        for name, value, status in self.values:
            row = etree.SubElement(operation, _VALUE)
            etree.SubElement(row, _INDICATOR).text = name
            if value is not None:
                etree.SubElement(row, _AMOUNT).text = value
            etree.SubElement(row, _STATUS).text = status
        return super().post_xml(address, envelope, headers)  # type: ignore[no-untyped-call]  # zeep

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Any:
        """Called by zeep with an envelope; where to is the road's matter. Raises Unreached, Lost, TransportError for
        what is no SOAP answer, _Malformed."""
        reply = self._road.send("POST", body=message, headers=headers)
        self._cost.calls += 1
        self._cost.bytes += len(message) + len(reply.body)
        response = _Response(reply.status, reply.headers, reply.body)
        head = reply.body[:4096]
        if reply.status not in (200, 500) or (reply.status == 500 and b"Fault" not in reply.body):
            raise TransportError(status_code=reply.status, content=response)  # type: ignore[no-untyped-call]  # zeep
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise _Malformed("the answer declares a document type")
        return response


@cache
def _contract() -> Any:
    """Return the parsed WSDL: it takes 50 ms and is the same for all partners."""
    settings = zeep.Settings(
        strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False
    )
    return zeep.Client(str(_WSDL), settings=settings)  # type: ignore[no-untyped-call]  # zeep


class SoapClient:
    """A partner at the end of `road` that knows us by `token`."""

    def __init__(self, road: Road, token: str) -> None:
        self.cost = Cost()
        self._road = road
        contract = _contract()
        self._transport = RoadTransport(road, self.cost)
        client = zeep.Client(contract.wsdl, transport=self._transport, settings=contract.settings)  # type: ignore[no-untyped-call]  # zeep
        binding = f"{{{NAMESPACE}}}ReportingBinding"
        self._service: Any = client.create_service(binding, "")  # type: ignore[no-untyped-call]  # zeep
        header = etree.Element(f"{{{NAMESPACE}}}Token")
        header.text = token
        self._header = header

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet."""
        self._transport.values = packet.values
        try:
            return self._state(
                packet.message_id,
                "SubmitReportData",
                message_id=packet.message_id,
                sender=packet.sender,
                form=packet.form,
                unit=packet.unit,
                period=packet.period,
                version=packet.version,
                content_hash=packet.content_hash,
            )
        finally:
            self._transport.values = ()

    def status(self, packet: Packet) -> Answer:
        """Ask what became of a packet that was sent."""
        return self._state(packet.message_id, "GetReportStatus", message_id=packet.message_id)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""
        given = {"level": level, "period": period, "form": form}
        answer = self._read("GetDigests", {name: text for name, text in given.items() if text is not None})
        try:
            return {
                (row.period, row.form, row.unit): Digest.parse(int(row.count), row.digest)
                for row in _rows(answer, "entry")
            }
        except ValueError as error:
            raise Unanswered(f"not a digest: {error}") from error

    def parts(self, period: str, form: str, parts: int) -> dict[int, Brief]:
        """Return the brief digests of parts of a form's keys. Raises Unanswered, Unknown."""
        return {share: brief for _, share, brief in self._briefs(level="part", period=period, form=form, parts=parts)}

    def units(self, period: str, form: str, parts: int, chosen: Sequence[int]) -> dict[str, Brief]:
        """Return the brief digests of the keys in these parts. Raises Unanswered, Unknown."""
        found = self._briefs(level="bucket", period=period, form=form, parts=parts, part=list(chosen))
        return {unit: brief for unit, _, brief in found}

    def groups(self, period: str, form: str, groups: int, units: Sequence[str]) -> dict[tuple[str, int], Brief]:
        """Return the brief digests of groups of these keys' entries. Raises Unanswered, Unknown."""
        found = self._briefs(level="group", period=period, form=form, groups=groups, unit=list(units))
        return {(unit, share): brief for unit, share, brief in found}

    def entries(self, period: str, form: str, groups: int, chosen: Sequence[tuple[str, int]]) -> dict[str, Listing]:
        """Return what the partner holds in these groups. Raises Unanswered, Unknown."""
        of = [{"unit": unit, "group": group} for unit, group in chosen]
        found: dict[str, Listing] = {}
        for page in self._pages(finer=True, period=period, form=form, groups=groups, of=of):
            for row in page:
                found.setdefault(row.unit, Listing()).add(row.indicator, row.cell, row.version)
        return found

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""
        listing = Listing()
        for page in self._pages(form=form, unit=unit, period=period):
            for row in page:
                listing.add(row.indicator, row.cell, row.version)
        return listing

    def listing(self) -> Iterator[Sequence[Listed]]:
        """Yield everything the partner holds, page by page. Raises Unanswered."""
        yield from self._pages(finer=True)

    def close(self) -> None:
        """Give connections back."""
        self._road.close()

    def _call(self, operation: str, arguments: dict[str, Any]) -> Any:
        return self._service[operation](**arguments, _soapheaders=[self._header])

    def _state(self, about: str, operation: str, /, **arguments: Any) -> Answer:
        try:
            return _stated(self._call(operation, arguments), about)
        except Fault as fault:
            return _faulted(fault)
        except TransportError as error:
            response = error.content
            return refusal(response.status_code, response.headers, response.content)
        except (Unreached, Lost) as error:
            return failed(error)
        except (ZeepError, etree.Error, _Malformed, ValueError, AttributeError) as error:
            return Answer(Said.UNCLEAR, f"{type(error).__name__}: {error}")

    def _briefs(self, **given: Any) -> list[tuple[str, int, Brief]]:
        answer = self._read("GetDigests", given, finer=True)
        try:
            return [
                (row.unit or "", int(row.share or 0), Brief.parse(int(row.count), row.digest))
                for row in _rows(answer, "entry")
            ]
        except ValueError as error:
            raise Unanswered(f"not a digest: {error}") from error

    def _pages(self, finer: bool = False, **given: Any) -> Iterator[list[Listed]]:
        after: str | None = None
        while True:
            cursor = {} if after is None else {"after": after}
            answer = self._read("ListValues", {**given, **cursor, "limit": _PAGE}, finer)
            yield [_listed(row) for row in _rows(answer, "value")]
            following = getattr(answer, "next", None)
            if following is None or following == after:
                return
            after = following

    def _read(self, operation: str, arguments: dict[str, Any], finer: bool = False) -> Any:
        """Ask a question. Raises Unanswered, and for a `finer` question Unknown if the partner does not take it."""
        try:
            return self._call(operation, arguments)
        except Fault as fault:
            told = Unknown if finer and _faulted(fault).said is Said.REFUSED else Unanswered
            raise told(f"fault: {fault.message}") from fault
        except (Unreached, Lost, ZeepError, etree.Error, _Malformed, ValueError, AttributeError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error


def _stated(answer: Any, about: str) -> Answer:
    state, told = getattr(answer, "state", None), getattr(answer, "message_id", None)
    if told == about and state == "accepted":
        return Answer(Said.UNCLEAR, "taken in, not applied yet")
    if told != about or state not in _SAID:
        return Answer(Said.UNCLEAR, f"answered {state} about {told}")
    held = getattr(answer, "version", None)
    story = None if state != "rejected" else "rejected by the partner"
    return Answer(_SAID[state], story, version=None if held is None else int(held))


def _rows(answer: Any, name: str) -> list[Any]:
    # zeep hands out the list itself where a response has a single kind of child, and None for none.
    if answer is None:
        return []
    if isinstance(answer, list):
        return answer
    return list(getattr(answer, name, None) or [])


def _listed(row: Any) -> Listed:
    cell = Cell(_amount(row.amount), row.status)
    return Listed(row.period or "", row.form or "", row.unit or "", row.indicator, cell, int(row.version or 0))


def _amount(value: Decimal | None) -> str | None:
    try:
        return None if value is None else decimal_text(value)
    except Invalid:
        return str(value)  # beyond what the hub can mean: it is simply different from what we expect


def _faulted(fault: Fault) -> Answer:
    code = str(fault.code or "").rpartition(":")[2]
    story = f"fault {fault.code}: {fault.message}"
    told = None if fault.detail is None else fault.detail.findtext(f".//{{{NAMESPACE}}}code")
    if code == "Client" and told not in _SET_UP:
        return Answer(Said.REFUSED, f"{story} ({told})" if told else story)
    return Answer(Said.NOT_APPLIED, story)
