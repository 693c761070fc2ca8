"""Publishing values by decision, and reading what is public (Đ5.4)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from services.indicators.domain import publications as rules
from services.indicators.domain.publications import Publication
from services.indicators.recording import current_rules
from services.indicators.service.paging import bounded, cursor_key, following
from services.indicators.storage import publications
from services.indicators.storage.tables import reading
from shared.contracts.actor import EVERYWHERE, Actor
from shared.contracts.views.publication import PublicationPage, PublicationView, PublicPage, PublicView, PublishedPage
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork


class PublishingCalls:
    """The flag that makes values free to read."""

    unit: UnitOfWork

    @rpc
    def publish(
        self,
        actor: Actor,
        form: str,
        period_from: str,
        decision: str,
        decided_on: date,
        period_to: str | None = None,
        units: list[str] | None = None,
        indicators: list[str] | None = None,
    ) -> PublicationView:
        """Publish a form's figures for these periods by decision: of some units and indicators, or of all. Later
        corrections are public with it. The same again answers the same.

        Raises NotFound("indicators.no_form"), Invalid("indicators.publication_scope", "indicators.publication_day"),
        Conflict("indicators.publication_withdrawn"), Forbidden for what is out of the actor's scope.
        """
        for about in units or (EVERYWHERE,):
            actor.require("observations.publish", unit=about, form=form)
        with self.unit(actor) as unit:
            catalogue = current_rules(unit.connection).catalogue
            entry = catalogue.forms.get(form)
            if entry is None:
                raise NotFound("indicators.no_form", f"there is no form {form}", f"Không có biểu mẫu {form}.")
            unknown = sorted(set(units or ()) - catalogue.units.keys())
            if unknown:
                raise Invalid(
                    "indicators.publication_scope",
                    f"there are no units {', '.join(unknown)}",
                    f"Không có đơn vị {', '.join(unknown)}.",
                )
            wanted = rules.published(
                entry, period_from, period_to, units, indicators, decision, decided_on, unit.now, actor.id
            )
            if not publications.add(unit.connection, wanted):
                known = publications.find(unit.connection, wanted.id, lock=True)
                return _view(wanted if known is None else rules.same(known, wanted))
            unit.audit("observations.published", f"publication/{wanted.id}", _details(wanted))
        return _view(wanted)

    @rpc
    def withdraw_publication(self, actor: Actor, publication_id: str, decision: str) -> PublicationView:
        """Take a publication back by decision. The same again answers the same.

        Raises NotFound("indicators.no_publication"), Conflict("indicators.publication_withdrawn"), Forbidden.
        """
        actor.require("observations.publish")
        with self.unit(actor) as unit:
            held = publications.find(unit.connection, publication_id, lock=True)
            if held is None:
                raise NotFound(
                    "indicators.no_publication",
                    f"there is no publication {publication_id}",
                    "Không có lần công bố này.",
                )
            for about in held.units or (EVERYWHERE,):
                actor.require("observations.publish", unit=about, form=held.form)
            moved = held.withdraw(decision, unit.now, actor.id)
            if moved is not held:
                publications.save(unit.connection, moved)
                unit.audit("observations.publication_withdrawn", f"publication/{held.id}", {"decision": decision})
        return _view(moved)

    @rpc
    def list_publications(
        self, actor: Actor, form: str | None = None, in_force: bool = False, after: str | None = None, limit: int = 200
    ) -> PublicationPage:
        """Return publications of the actor's forms in order of id, those taken back too unless `in_force`."""
        actor.require("observations.read", form=form)
        limit = bounded(limit)
        forms = None if EVERYWHERE in actor.forms else actor.forms
        with reading(self.unit.engine).connect() as connection:
            found = publications.page(
                connection, form=form, in_force=in_force, forms=forms, after=after, limit=limit + 1
            )
        return PublicationPage(publications=[_view(item) for item in found[:limit]], next=following(found, limit))

    @rpc
    def list_public(self, after: str | None = None, limit: int = 200) -> PublicPage:
        """Return what is public, for everyone: the publications in force and the decisions they rest on."""
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = publications.page(connection, form=None, in_force=True, forms=None, after=after, limit=limit + 1)
        views = [PublicView(**{name: getattr(item, name) for name in _PUBLIC}) for item in map(_view, found[:limit])]
        return PublicPage(publications=views, next=following(found, limit))

    @rpc
    def list_published(
        self,
        form: str,
        unit: str | None = None,
        indicator: str | None = None,
        period_from: str | None = None,
        period_to: str | None = None,
        after: str | None = None,
        limit: int = 500,
    ) -> PublishedPage:
        """Return the published values of a form in order of (unit, period, indicator), for everyone: those that are
        current under a publication in force."""
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = publications.values(
                connection,
                form,
                unit=unit,
                indicator=indicator,
                period_from=period_from,
                period_to=period_to,
                after=cursor_key(after),
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return PublishedPage(
            observations=found[:limit], next=f"{last.unit}|{last.period}|{last.indicator}" if last else None
        )


_PUBLIC = tuple(PublicView.__dataclass_fields__)


def _view(publication: Publication) -> PublicationView:
    held = asdict(publication)
    for name in ("units", "indicators"):
        held[name] = None if held[name] is None else list(held[name])
    return PublicationView(**held)


def _details(publication: Publication) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(publication).items()
        if name in ("form", "period_from", "period_to", "units", "indicators", "decision") and value is not None
    }
