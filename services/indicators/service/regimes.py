"""Regimes and forms one by one: reading them, taking them out and in as one file, copying them for another year."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict, replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from services.indicators.domain import packages
from services.indicators.domain.faults import Fault
from services.indicators.domain.plan import plan
from services.indicators.domain.proposals import require_storable
from services.indicators.domain.sheets import Assembled, assemble, flatten
from services.indicators.service.indicators import indicator_view
from services.indicators.service.paging import bounded, following
from services.indicators.service.proposals import put_draft
from services.indicators.storage import catalogue as entries
from services.indicators.storage.tables import reading
from shared.catalogue.entries import Form, Indicator, Regime
from shared.contracts.actor import Actor
from shared.contracts.views.catalogue import CatalogueFault, CataloguePlan, FormView
from shared.contracts.views.proposals import ProposalView
from shared.contracts.views.regimes import FileView, FormDetail, RegimeDetail, RegimeImport, RegimePage, RegimeView
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.storage import UnitOfWork

_PACKED = b"PK"
"""How every XLSX file begins; a JSON document never does."""


class RegimeCalls:
    """What a regime is made of, and its ways out of the catalogue and into a proposal."""

    unit: UnitOfWork

    @rpc
    def list_regimes(self, actor: Actor, after: str | None = None, limit: int = 200) -> RegimePage:
        """Return regimes in order of id."""
        actor.require("catalogue.read")
        limit = bounded(limit)
        with reading(self.unit.engine).connect() as connection:
            found = entries.of_kind(connection, "regime", after or "", limit + 1)
        views = msgspec.convert(_whole(found, Regime), list[RegimeView])
        return RegimePage(regimes=views[:limit], next=following(views, limit))

    @rpc
    def read_regime(self, actor: Actor, regime: str) -> RegimeDetail:
        """Return a regime with its forms. Raises NotFound("indicators.no_regime")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            found = entries.find(connection, "regime", regime)
            forms = entries.of_kind(connection, "form", "")
        if found is None:
            raise NotFound("indicators.no_regime", f"there is no regime {regime}", "Không có chế độ báo cáo này.")
        own = [form for form in forms if form["regime"] == regime]
        [whole] = _whole([found], Regime)
        return RegimeDetail(regime=msgspec.convert(whole, RegimeView), forms=msgspec.convert(own, list[FormView]))

    @rpc
    def read_form(self, actor: Actor, form: str) -> FormDetail:
        """Return a form as people fill it in: its table, open lists, rules, help, parties and earlier versions, and its
        indicators. Raises NotFound("indicators.no_form")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            found = _form(connection, form)
            indicators = entries.of_kind(connection, "indicator", "")
        [whole] = _whole([found], Form)
        codes = {*whole["indicators"], *whole["derived"], *(c for part in whole["open_lists"] for c in part["columns"])}
        used = [msgspec.convert(indicator, Indicator) for indicator in indicators if indicator["id"] in codes]
        rest = {name: whole[name] for name in ("layout", "open_lists", "rules", "help", "parties", "earlier")}
        return FormDetail(
            form=msgspec.convert(whole, FormView), used=[indicator_view(item, None) for item in used], **rest
        )

    @rpc
    def form_template(self, actor: Actor, form: str) -> FileView:
        """Return the form as a blank workbook for clerks, bytes in base64. Raises NotFound("indicators.no_form")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            whole = msgspec.convert(_form(connection, form), Form)
            held = entries.of_kind(connection, "indicator", "")
        from services.indicators import entry_sheet, workbook  # openpyxl is for the processes that are asked for it

        indicators = {item["id"]: msgspec.convert(item, Indicator) for item in held}
        return _file(f"{form}-v{whole.version}.xlsx", workbook.MEDIA_TYPE, entry_sheet.write(whole, indicators))

    @rpc
    def export_regime(self, actor: Actor, regime: str, format: str = "json") -> FileView:
        """Return a whole regime as one file, `json` or `xlsx`, its bytes in base64: the regime, its forms and the
        indicators, measures and dimensions they need. Raises NotFound("indicators.no_regime")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            package = packages.package_of(entries.bodies(connection), regime)
        if format == "xlsx":
            from services.indicators import workbook  # openpyxl is for the processes that are asked for it

            return _file(f"{regime}.xlsx", workbook.MEDIA_TYPE, workbook.write(flatten(package["content"])))
        if format == "json":
            body = msgspec.json.format(msgspec.json.encode(package), indent=2)
            return _file(f"{regime}.json", "application/json", body)
        raise Invalid("indicators.bad_format", f"{format!r} is neither json nor xlsx", "Định dạng là json hoặc xlsx.")

    @rpc
    def import_regime(
        self, actor: Actor, content: str, proposal_id: str | None = None, title: str = ""
    ) -> RegimeImport:
        """Read a regime's file (JSON or XLSX, its bytes in base64) and tell what loading it would change, or every
        fault with its sheet, row and column (`at`). With `proposal_id` it becomes a draft, if every cell could be read.

        Raises Invalid("indicators.package_unreadable", "indicators.package_changed", "indicators.workbook_unreadable",
        "indicators.workbook_too_large", "indicators.unreadable_cells", "indicators.content_unstorable").
        """
        actor.require("catalogue.propose")
        made = _read(_decoded(content))
        require_storable(made.content)
        if made.faults and proposal_id is not None:
            _refuse(made.faults)
        with self.unit(actor) as unit:
            draft: ProposalView | None = None
            if proposal_id is not None:
                draft = put_draft(unit, actor, proposal_id, title or proposal_id, made.content)
            version, stored = entries.version(unit.connection), entries.bodies(unit.connection)
        return RegimeImport(plan=_located(plan(version, stored, made.content), made), proposal=draft)

    @rpc
    def copy_regime(
        self,
        actor: Actor,
        regime: str,
        proposal_id: str,
        new_id: str,
        first: int | str,
        decision: str,
        last: int | str | None = None,
        title: str = "",
    ) -> ProposalView:
        """Make a draft of a proposal that begins the regime anew as `new_id` from `first` on (a year, or a period of
        its kind) by this decision ("copy from last year"); the old forms end the period before.

        Raises NotFound("indicators.no_regime"), Conflict("indicators.id_taken"), Invalid("period.malformed").
        """
        actor.require("catalogue.propose")
        with self.unit(actor) as unit:
            content = packages.copy_of(entries.bodies(unit.connection), regime, new_id, first, last, decision)
            name = title or f"{content['regimes'][0]['name']} (từ {first})"
            return put_draft(unit, actor, proposal_id, name, dict(content))


def _form(connection: Connection, form: str) -> dict[str, Any]:
    found = entries.find(connection, "form", form)
    if found is None:
        raise NotFound("indicators.no_form", f"there is no form {form}", "Không có biểu mẫu này.")
    return found


def _whole(bodies: list[dict[str, Any]], kind: type[Form] | type[Regime]) -> list[dict[str, Any]]:
    """Return stored bodies with the fields that have come since they were written."""
    found: list[dict[str, Any]] = msgspec.to_builtins([msgspec.convert(body, kind) for body in bodies])
    return found


def _file(name: str, media_type: str, body: bytes) -> FileView:
    return FileView(name=name, media_type=media_type, content=base64.b64encode(body).decode())


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("indicators.package_unreadable", "is no base64", "Nội dung tệp không hợp lệ.") from error


def _read(packed: bytes) -> Assembled:
    if packed.startswith(_PACKED):
        from services.indicators import workbook  # openpyxl is for the processes that are asked for it

        rows, faults = workbook.read(packed)
        made = assemble(rows)
        return replace(made, faults=[*faults, *made.faults])
    try:
        package = msgspec.json.decode(packed)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("indicators.package_unreadable", str(error), "Tệp không phải JSON hay XLSX.") from error
    return Assembled(content=packages.content_of(package))


def _refuse(faults: list[Fault]) -> None:
    raise Invalid(
        "indicators.unreadable_cells",
        f"{len(faults)} cells cannot be read; no draft was made",
        f"Có {len(faults)} ô không đọc được, chưa tạo đề xuất.",
        {"count": len(faults), "errors": [asdict(fault) for fault in faults[:200]]},
    )


def _located(planned: CataloguePlan, made: Assembled) -> CataloguePlan:
    """Return the plan with the faults of reading before its own, each with the cell it leads back to."""
    unread = [CatalogueFault(**asdict(fault), at=fault.place) for fault in made.faults]
    found = [replace(fault, at=made.where(fault.place)) for fault in planned.faults]
    return replace(planned, fault_count=planned.fault_count + len(unread), faults=[*unread, *found][:200])
