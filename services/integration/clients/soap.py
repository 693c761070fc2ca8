"""The reporting protocol over SOAP 1.1, by the contract in `shared/schemas`. Only this file imports zeep.

The contract is read from our own copy, never from the partner. Answers are read up to a bound; documents with a type
declaration or entities are refused; the parser neither resolves entities nor touches the network.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import requests
import zeep
from lxml import etree
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import NewConnectionError
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError
from zeep.transports import Transport

import shared
from services.integration.clients.protocol import MAX_ANSWER_BYTES, Cost, Listing, Unanswered
from services.integration.clients.rest import refusal
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.ledger import Packet
from services.integration.domain.reconciliation import Cell, Group
from shared.canonical import decimal_text
from shared.digest import Digest
from shared.errors import Invalid

NAMESPACE = "urn:laichau:reporting:1"
_WSDL = Path(shared.__file__).parent / "schemas" / "reporting.wsdl"
_PAGE = 1_000
_SAID = {
    "applied": Said.APPLIED,
    "already_applied": Said.APPLIED,
    "superseded": Said.SUPERSEDED,
    "rejected": Said.REFUSED,
    "unknown": Said.UNKNOWN,
}


class _Malformed(Exception):
    pass


class _BoundedTransport(Transport):
    """Posts with a bound on what comes back, and refuses documents that declare types or entities."""

    def __init__(self, session: requests.Session, timeout: float, cost: Cost) -> None:
        super().__init__(session=session, timeout=timeout, operation_timeout=timeout)  # type: ignore[no-untyped-call]  # zeep
        self._cost = cost

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        """Called by zeep with an envelope. Raises TransportError for what is no SOAP answer."""
        response = self.session.post(
            address, data=message, headers=headers, timeout=self.operation_timeout, stream=True, allow_redirects=False
        )
        raw = bytearray()
        for part in response.iter_content(65_536):
            raw += part
            if len(raw) > MAX_ANSWER_BYTES:
                response.close()
                raise _Malformed(f"more than {MAX_ANSWER_BYTES} bytes")
        response._content = bytes(raw)
        self._cost.calls += 1
        self._cost.bytes += len(raw)
        head = bytes(raw[:4096])
        if response.status_code not in (200, 500) or (response.status_code == 500 and b"Fault" not in raw):
            raise TransportError(status_code=response.status_code, content=response)  # type: ignore[no-untyped-call]  # zeep
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
    """A partner at `endpoint` that knows us by `token`; a call takes at most `timeout` seconds between bytes."""

    def __init__(self, endpoint: str, token: str, timeout: float) -> None:
        self.cost = Cost()
        session = requests.Session()
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=2))
        self._session = session
        contract = _contract()
        transport = _BoundedTransport(session, timeout, self.cost)
        client = zeep.Client(contract.wsdl, transport=transport, settings=contract.settings)  # type: ignore[no-untyped-call]  # zeep
        self._client = client
        binding = f"{{{NAMESPACE}}}ReportingBinding"
        self._service: Any = client.create_service(binding, endpoint)  # type: ignore[no-untyped-call]  # zeep
        header = etree.Element(f"{{{NAMESPACE}}}Token")
        header.text = token
        self._header = header

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet."""
        values = [
            {"indicator": name, "status": status} | ({} if value is None else {"amount": Decimal(value)})
            for name, value, status in packet.values
        ]
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
            value=values,
        )

    def status(self, message_id: str) -> Answer:
        """Ask what became of a message."""
        return self._state(message_id, "GetReportStatus", message_id=message_id)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""
        given = {"period": period, "form": form}
        answer = self._read(
            "GetDigests", level=level, **{name: text for name, text in given.items() if text is not None}
        )
        try:
            return {
                (row.period, row.form, row.unit): Digest.parse(int(row.count), row.digest)
                for row in _rows(answer, "entry")
            }
        except ValueError as error:
            raise Unanswered(f"not a digest: {error}") from error

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""
        listing, after = Listing(), None
        while True:
            cursor: dict[str, str] = {} if after is None else {"after": after}
            answer = self._read("ListValues", form=form, unit=unit, period=period, limit=_PAGE, **cursor)
            for row in _rows(answer, "value"):
                listing.values[row.indicator] = Cell(_amount(row.amount), row.status)
                listing.version = max(listing.version, int(row.version or 0))
            following = getattr(answer, "next", None)
            if following is None or following == after:
                return listing
            after = following

    def close(self) -> None:
        """Give connections back."""
        self._session.close()

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
        except RequestsConnectionError as error:
            if _never_connected(error):
                return Answer(Said.NOT_APPLIED, f"cannot connect: {error}", quick=True)
            return Answer(Said.UNCLEAR, f"{type(error).__name__}: {error}")
        except (RequestException, ZeepError, etree.Error, _Malformed, ValueError, AttributeError) as error:
            return Answer(Said.UNCLEAR, f"{type(error).__name__}: {error}")

    def _read(self, operation: str, **arguments: Any) -> Any:
        try:
            return self._call(operation, arguments)
        except Fault as fault:
            raise Unanswered(f"fault: {fault.message}") from fault
        except (RequestException, ZeepError, etree.Error, _Malformed, ValueError, AttributeError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error


def _stated(answer: Any, about: str) -> Answer:
    state, told = getattr(answer, "state", None), getattr(answer, "message_id", None)
    if told != about or state not in _SAID:
        return Answer(Said.UNCLEAR, f"answered {state} about {told}")
    return Answer(_SAID[state], None if state != "rejected" else "rejected by the partner")


def _rows(answer: Any, name: str) -> list[Any]:
    # zeep hands out the list itself where a response has a single kind of child, and None for none.
    if answer is None:
        return []
    if isinstance(answer, list):
        return answer
    return list(getattr(answer, name, None) or [])


def _amount(value: Decimal | None) -> str | None:
    try:
        return None if value is None else decimal_text(value)
    except Invalid:
        return str(value)  # beyond what the hub can mean: it is simply different from what we expect


def _faulted(fault: Fault) -> Answer:
    code = str(fault.code or "").rpartition(":")[2]
    story = f"fault {fault.code}: {fault.message}"
    told = None if fault.detail is None else fault.detail.findtext(f".//{{{NAMESPACE}}}code")
    if code == "Client" and told != "soap.unauthorised":
        return Answer(Said.REFUSED, f"{story} ({told})" if told else story)
    return Answer(Said.NOT_APPLIED, story)


def _never_connected(error: RequestsConnectionError) -> bool:
    if isinstance(error, ConnectTimeout):
        return True
    reason = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", None), NewConnectionError)
