"""Digests and listings for other systems: what they are to hold, or the warehouse, as far as they may see it."""

from __future__ import annotations

from typing import Literal

from services.integration.service.paging import bad_filter
from services.integration.storage import offered_shares, offers
from services.integration.storage import partners as partner_rows
from services.integration.storage.offers import Sight
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.digests import DigestPage, ListedPage
from shared.entrypoints import rpc
from shared.errors import Forbidden
from shared.storage import Unit, UnitOfWork

MAX_PAGE = 1_000
MAX_SHARES = 4_096
MAX_CHOSEN = 500
_SEPARATOR = "|"
_FIELDS = {"period": "period", "form": "form", "place": "unit", "indicator": "indicator"}

Level = Literal["root", "period", "form", "bucket"]
Store = Literal["expected", "warehouse"]


class DigestCalls:
    """The hub as the other side of somebody's comparison: the protocol that partners offer us, offered by us."""

    unit: UnitOfWork

    @rpc
    def read_digests(
        self,
        actor: Actor,
        level: Level = "root",
        period: str | None = None,
        form: str | None = None,
        store: Store | None = None,
        after: str | None = None,
        limit: int = MAX_PAGE,
    ) -> DigestPage:
        """Return the digests of a level, of what the actor may see: of what its own partner is to hold (`expected`), or
        of the warehouse. Without `store`, a system of a partner gets the first, whoever else the second.

        Raises Forbidden, also ("integration.not_permitted") for a partner without a permission that holds,
        Invalid("integration.bad_filter") for a cursor that is none.
        """
        size = max(1, min(limit, MAX_PAGE))
        narrowed = {name: value for name, value in (("period", period), ("form", form)) if value is not None}
        with self.unit(actor) as unit:
            sight = _sight(unit, actor, store, form)
            cursor = _cursor(after, len(offers.LEVELS[level]))
            found = offers.digests(unit.connection, sight, level, narrowed, cursor, size + 1)
        last = found[size - 1] if len(found) > size else None
        return DigestPage(
            store=_named(sight),
            digests=found[:size],
            next=None if last is None else _written(last.period, last.form, last.unit),
        )

    @rpc
    def list_values(
        self,
        actor: Actor,
        period: str | None = None,
        form: str | None = None,
        unit: str | None = None,
        store: Store | None = None,
        after: str | None = None,
        limit: int = MAX_PAGE,
    ) -> ListedPage:
        """Return entries of the same stores, in an order that does not change. Raises as `read_digests`."""
        size = max(1, min(limit, MAX_PAGE))
        given = (("period", period), ("form", form), ("place", unit))
        narrowed = {name: value for name, value in given if value is not None}
        with self.unit(actor) as transaction:
            sight = _sight(transaction, actor, store, form)
            if sight.partner is None and unit is not None:
                actor.require("observations.read", unit=unit)
            found = offers.values(transaction.connection, sight, narrowed, _cursor(after, 4), size + 1)
        last = found[size - 1] if len(found) > size else None
        return ListedPage(
            store=_named(sight),
            values=found[:size],
            next=None
            if last is None
            else _written(*(getattr(last, _FIELDS[name]) for name in offers.listing_key(sight))),
        )

    @rpc
    def search_digests(
        self,
        actor: Actor,
        level: Literal["part", "bucket", "group"],
        period: str,
        form: str,
        shares: int,
        chosen: list[int] | None = None,
        units: list[str] | None = None,
        store: Store | None = None,
    ) -> DigestPage:
        """Return brief digests below a form: of its keys in so many parts by their unit (`part`), of the keys in the
        `chosen` parts (`bucket`), or of the entries of these units' keys in so many groups (`group`).

        Raises as `read_digests`, Invalid("integration.bad_filter") beyond 4,096 shares or 500 parts or units.
        """
        if not 1 <= shares <= MAX_SHARES or len(chosen or ()) > MAX_CHOSEN or len(units or ()) > MAX_CHOSEN:
            raise bad_filter(f"{shares} shares, {len(chosen or ())} parts, {len(units or ())} units")
        with self.unit(actor) as unit:
            sight = _sight(unit, actor, store, form)
            if level == "part":
                found = offered_shares.parts(unit.connection, sight, period, form, shares)
            elif level == "bucket":
                found = offered_shares.keys(unit.connection, sight, period, form, shares, chosen or [])
            else:
                found = offered_shares.groups(unit.connection, sight, period, form, shares, units or [])
        return DigestPage(store=_named(sight), digests=found)

    @rpc
    def list_groups(
        self,
        actor: Actor,
        period: str,
        form: str,
        shares: int,
        of: list[tuple[str, int]],
        store: Store | None = None,
        after: str | None = None,
        limit: int = MAX_PAGE,
    ) -> ListedPage:
        """Return the entries in these groups (unit, group's number) of a form's keys. Raises as `search_digests`."""
        if not 1 <= shares <= MAX_SHARES or len(of) > MAX_CHOSEN:
            raise bad_filter(f"{shares} shares, {len(of)} groups")
        size = max(1, min(limit, MAX_PAGE))
        with self.unit(actor) as unit:
            sight = _sight(unit, actor, store, form)
            cursor = _cursor(after, 2)
            found = offered_shares.entries(unit.connection, sight, period, form, shares, of, cursor, size + 1)
        last = found[size - 1] if len(found) > size else None
        following = None if last is None else _written(last.unit, last.indicator)
        return ListedPage(store=_named(sight), values=found[:size], next=following)


def _sight(unit: Unit, actor: Actor, store: Store | None, form: str | None) -> Sight:
    """Return what the actor sees; a form that is asked for by name has to be in its scope."""
    actor.require("digests.read", form=form)
    partner = None if actor.partner is None else partner_rows.find(unit.connection, actor.partner)
    if store is None:
        store = "warehouse" if partner is None else "expected"
    if store == "warehouse":
        actor.require("observations.read", form=form)
        partner = None
    elif partner is None or not partner.permitted(unit.now):
        raise Forbidden(
            "integration.not_permitted",
            f"{actor.id} belongs to no partner that is permitted today",
            "Hệ thống này chưa được cho phép kết nối, hoặc phép đã hết hạn.",
        )
    return Sight(
        partner=None if partner is None else partner.id,
        units=None if EVERYWHERE in actor.units else actor.units,
        forms=None if EVERYWHERE in actor.forms else actor.forms,
    )


def _named(sight: Sight) -> str:
    return "warehouse" if sight.partner is None else "expected"


def _written(*parts: str | None) -> str:
    return _SEPARATOR.join(part for part in parts if part is not None)


def _cursor(after: str | None, parts: int) -> list[str]:
    if after is None:
        return []
    found = after.split(_SEPARATOR)
    if len(found) != parts:
        raise bad_filter(f"after {after!r}")
    return found
