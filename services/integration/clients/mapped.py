"""A partner with a protocol of its own, described as data: one client for all of them. What differs between REST and
SOAP is how a call is said and an answer heard: `mapped_rest`, `mapped_soap`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from services.integration.clients.mapped_rest import RestSpeaker
from services.integration.clients.protocol import Cost, Listing, Unanswered
from services.integration.clients.rest import failed, refusal
from services.integration.clients.transport import Lost, Road, Unreached
from services.integration.domain.delivery import Answer, Said
from services.integration.domain.dialects import (
    Dialect,
    Doubt,
    Heard,
    Held,
    Manner,
    NotListed,
    Pages,
    Told,
    Unsayable,
    dialect_of,
    judged,
    listings,
)
from services.integration.domain.dialects.pointers import MISSING, at, spelled
from services.integration.domain.ledger import Packet
from services.integration.domain.mapping import Breakdown, CodeMapping
from services.integration.domain.partners import Partner
from services.integration.domain.reconciliation import Cell, Group
from services.integration.settings import IntegrationSettings, endpoint_of
from shared.calendar import Period
from shared.digest import Digest
from shared.errors import Invalid

_MOST_PAGES = 100_000
Names = Mapping[str, Any]


class Speaker(Protocol):
    """Says calls in one protocol over one road."""

    def say(self, call: Any, names: Names, rows: Sequence[Names] = (), link: str | None = None) -> Heard:
        """Say a call, or follow the link to its next page. Raises Unreached, Lost, Unsayable."""

    def close(self) -> None:
        """Give connections back."""


def mapped_client(road: Road, partner: Partner, secret: str, settings: IntegrationSettings) -> MappedClient:
    """Return a client for a partner with a dialect. Raises Invalid("integration.bad_dialect"), and with SOAP
    Invalid("integration.bad_contract")."""
    dialect = dialect_of(partner.protocol, partner.dialect)
    speaker = speaker_on(road, partner, dialect.manner, secret, settings)
    everything = dialect.list is not None and dialect.list.everything
    return (ListingClient if everything else MappedClient)(dialect, speaker, partner.mapping)


def speaker_on(road: Road, partner: Partner, manner: Manner, secret: str, settings: IntegrationSettings) -> Speaker:
    """Return who speaks in this manner on a road. Raises Invalid("integration.bad_contract") where it needs one."""
    if manner.contract is None:
        return RestSpeaker(manner, road, endpoint_of(partner.id, partner.endpoint), secret)
    from services.integration.clients.mapped_soap import SoapSpeaker

    return SoapSpeaker(manner, road, secret, settings)


class MappedClient:
    """A partner that speaks `dialect`, to whom `speaker` says it; `mapping` spells its periods."""

    def __init__(self, dialect: Dialect[Any], speaker: Speaker, mapping: CodeMapping) -> None:
        self.cost = Cost()
        self._dialect = dialect
        self._speaker = speaker
        self._mapping = mapping

    def submit(self, packet: Packet) -> Answer:
        """Hand over a packet; one without values by the operation that deletes, if there is one."""
        dialect = self._dialect
        if not packet.values and dialect.delete is not None and not dialect.adds:
            return self._told(dialect.delete, packet)
        answer = self._told(dialect.submit, packet, self._rows(packet))
        return self._dropped(packet) if answer.said is Said.APPLIED and dialect.adds else answer

    def status(self, packet: Packet) -> Answer:
        """Find out what became of a packet that was sent, in the way that this partner offers."""
        match self._dialect.doubt:
            case Doubt.ASK if self._dialect.status is not None:
                return self._told(self._dialect.status, packet)
            case Doubt.REPEAT:
                return Answer(Said.UNKNOWN)
            case Doubt.READ:
                return self._read_back(packet)
            case _:
                return Answer(Said.UNASKABLE, "the partner offers neither a status, nor versions, nor its values")

    def probe(self, packet: Packet) -> Answer:
        """Ask something harmless about a packet that nobody ever sent."""
        if self._dialect.status is not None:
            return self._told(self._dialect.status, packet)
        if self._dialect.list is None:
            return Answer(Said.UNASKABLE, "the partner knows no question")
        try:
            next(self._pages({"form": packet.form, "unit": packet.unit, "period": packet.period}), None)
        except Unanswered as error:
            return Answer(Said.UNCLEAR, str(error))
        return Answer(Said.UNKNOWN)

    def digests(self, level: str, period: str | None = None, form: str | None = None) -> dict[Group, Digest]:
        """Return the partner's digests. Raises Unanswered."""
        described = self._dialect.digests
        if described is None:
            raise Unanswered("the partner has no digests")
        heard = self._heard(described.call, {"level": level, "form": form, "period": period})
        ours = self._dialect.ours["form"]
        found: dict[Group, Digest] = {}
        for row in listings.rows_of(heard.document, described.rows):
            of_period, of_form, of_unit = (
                None if pointer is None else spelled(at(row, pointer))
                for pointer in (described.period, described.form, described.unit)
            )
            try:
                digest = Digest.parse(
                    int(spelled(at(row, described.count)) or ""), spelled(at(row, described.digest)) or ""
                )
            except ValueError as error:
                raise Unanswered(f"not a digest: {error}") from error
            theirs = None if of_period is None else self._mapping.read_period(of_period)
            found[theirs, ours.get(of_form or "", of_form), of_unit] = digest
        return found

    def values(self, form: str, unit: str, period: str) -> Listing:
        """Return all that the partner holds under its own key. Raises Unanswered."""
        listing = Listing()
        for page in self._pages({"form": form, "unit": unit, "period": period}):
            for row in page:
                if (row.form, row.unit, row.period) == (form, unit, period):
                    listing.add(row.indicator, row.cell, row.version)
        return listing

    def close(self) -> None:
        """Give connections back."""
        self._speaker.close()

    # -- handing over --------------------------------------------------------------------------------------------------

    def _told(self, told: Told[Any], packet: Packet, rows: Sequence[Names] = (), row: Names | None = None) -> Answer:
        try:
            names = {**self._of(packet), **(row or {})}
            heard = self._said(told.call, names, rows)
        except Unsayable as error:
            return Answer(Said.REFUSED, f"cannot be said to this partner: {error}")
        except (Unreached, Lost) as error:
            return failed(error)
        answer = judged(told.answer, heard, names)
        if answer is not None:
            return answer
        return replace(refusal(heard.status, {}, heard.beginning.encode()), retry_after=heard.retry_after)

    def _dropped(self, packet: Packet) -> Answer:
        """Drop what the partner still holds beyond the packet: it adds what is submitted to what it has."""
        delete = self._dialect.delete
        try:
            held = self.values(packet.form, packet.unit, packet.period).values
        except Unanswered as error:
            return Answer(Said.UNCLEAR, f"what it holds beyond this packet is not known: {error}")
        for indicator in sorted(held.keys() - {name for name, _, _ in packet.values}):
            cell = held[indicator]
            row = self._row(indicator, cell.value, cell.status)
            answer = Answer(Said.APPLIED) if delete is None else self._told(delete, packet, row=row)
            if answer.said is not Said.APPLIED:
                return Answer(Said.UNCLEAR, f"{indicator} is still there: {answer.error}", answer.retry_after)
        return Answer(Said.APPLIED)

    def _read_back(self, packet: Packet) -> Answer:
        try:
            listing = self.values(packet.form, packet.unit, packet.period)
        except Unanswered as error:
            return Answer(Said.UNCLEAR, str(error))
        if listing.repeated:  # to send it again could repeat more
            return Answer(Said.UNCLEAR, f"it lists {', '.join(sorted(listing.repeated))} more than once")
        sent = {name: Cell(value, status) for name, value, status in packet.values}
        if self._dialect.list is not None and self._dialect.list.row.status is None:
            sent = {name: Cell(cell.value, "official") for name, cell in sent.items()}
        return Answer(Said.APPLIED if listing.values == sent else Said.UNKNOWN)

    def _of(self, packet: Packet) -> dict[str, Any]:
        try:
            period = Period.parse(packet.period)
            bounds = {"period_start": period.start.isoformat(), "period_end": period.end.isoformat()}
        except Invalid:
            bounds = {}
        return bounds | {
            "message_id": packet.message_id,
            "sender": packet.sender,
            "form": self._dialect.theirs("form", packet.form),
            "unit": packet.unit,
            "period": self._theirs_of(packet.period),
            "version": packet.version,
            "content_hash": packet.content_hash,
            "count": len(packet.values),
        }

    def _rows(self, packet: Packet) -> list[dict[str, Any]]:
        return [self._row(name, value, status) for name, value, status in packet.values]

    def _row(self, name: str, value: str | None, status: str) -> dict[str, Any]:
        dialect = self._dialect
        written = dialect.values.written(value)
        broken = Breakdown.parse(name)
        parts = {f"part.{dimension}": part for dimension, part in broken.parts.items()}
        return parts | {
            "indicator": name,
            "base": broken.base,
            "value": written,
            "status": dialect.theirs("status", status),
        }

    # -- reading -------------------------------------------------------------------------------------------------------

    def _pages(self, asked: Names) -> Iterator[list[Held]]:
        after: str | None = None
        seen: set[str] = set()
        while True:
            page, after = self._page(asked, after, seen)
            yield page
            if after is None:
                return

    def _page(self, asked: Names, after: str | None, seen: set[str]) -> tuple[list[Held], str | None]:
        """Return a page of what the partner lists and where the next one is, None at the end. `seen` is the run's own,
        to tell pages that go round in circles. Raises Unanswered."""
        described = self._dialect.list
        if described is None:
            raise Unanswered("the partner lists nothing")
        pages = described.pages or Pages(kind="page")
        heard = self._heard(
            described.call,
            {**asked, **_place(pages, after)},
            link=after if pages.kind == "link" else None,
            empty=described.empty,
        )
        found = listings.rows_of(heard.document, described.rows)
        ours = self._dialect.ours
        try:
            rows = [listings.held(row, described.row, self._dialect.values, ours, asked) for row in found]
        except (NotListed, KeyError) as error:
            raise Unanswered(f"not a listing: {error}") from error
        rows = [replace(row, period=self._ours_of(row.period, described.row.period)) for row in rows]
        if described.pages is None or heard.status in described.empty:
            return rows, None
        following = _following(pages, heard, found, after)
        if following is not None:
            mark = hashlib.sha256(repr(found).encode()).hexdigest() if pages.kind == "page" else following
            if mark in seen or len(seen) >= _MOST_PAGES:  # read for ever, or taken for all that there is
                raise Unanswered("the pages of the listing go round in circles, or never end")
            seen.add(mark)
        return rows, following

    def _asking(self, asked: Names) -> dict[str, Any]:
        """Return what a question names, in the partner's words."""
        form, period = asked.get("form"), asked.get("period")
        return {
            **asked,
            "form": None if form is None else self._dialect.theirs("form", form),
            "period": None if period is None else self._theirs_of(period),
        }

    def _theirs_of(self, period: str) -> str:
        """Return the partner's spelling of a period. Raises Unsayable."""
        try:
            return self._mapping.at(period).period(period)
        except (Invalid, KeyError) as error:
            raise Unsayable(f"the period {period!r}: {error}") from error

    def _ours_of(self, period: str, listed: str | None) -> str:
        return period if listed is None else self._mapping.read_period(period)

    def _heard(self, call: Any, names: Names, link: str | None = None, empty: Sequence[int] = ()) -> Heard:
        try:
            heard = self._said(call, self._asking(names), (), link)
        except (Unsayable, Unreached, Lost) as error:
            raise Unanswered(str(error)) from error
        if heard.fault is not None:
            raise Unanswered(f"fault {heard.fault.code}: {heard.fault.text}")
        if heard.status in empty:
            return heard
        if not 200 <= heard.status < 300:
            raise Unanswered(f"answered {heard.status}: {heard.beginning}")
        if heard.document is MISSING:
            raise Unanswered(f"malformed answer: {heard.trouble}")
        return heard

    def _said(self, call: Any, names: Names, rows: Sequence[Names] = (), link: str | None = None) -> Heard:
        self.cost.calls += 1
        heard = self._speaker.say(call, names, rows, link)
        self.cost.bytes += heard.size
        return heard


class ListingClient(MappedClient):
    """A partner that also lists everything it holds, without being told a key."""

    def listing(self) -> Iterator[Sequence[Held]]:
        """Yield everything the partner holds, in pages; no more than one is held. Raises Unanswered."""
        return self._pages({})


def _place(pages: Pages, after: str | None) -> dict[str, Any]:
    """Return what a page's request names besides the key."""
    number = pages.first if after is None or pages.kind != "page" else int(after)
    return {"page": number, "cursor": after if pages.kind == "cursor" else None, "limit": pages.limit}


def _following(pages: Pages, heard: Heard, rows: Sequence[Any], after: str | None) -> str | None:
    """Return the number, cursor or link of the next page, None after the last."""
    if pages.kind == "page":
        number = pages.first if after is None else int(after)
        last = None if pages.last is None else spelled(at(heard.document, pages.last))
        ended = last is not None and last.isdecimal() and number - pages.first + 1 >= int(last)
        return None if ended or not rows else str(number + 1)
    told = None if pages.next is None else spelled(at(heard.document, pages.next))
    return (heard.link if pages.kind == "link" else None) or told or None
