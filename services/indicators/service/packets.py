"""What packets of QCVN 125 are filled with from the catalogue and the warehouse; the gateway writes the XML."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Connection

from services.indicators.domain import packet_catalogue, packet_figures
from services.indicators.service.calendar import regime_year
from services.indicators.storage import catalogue as entries
from services.indicators.storage import organisation as organisations
from services.indicators.storage import warehouse
from services.indicators.storage.tables import reading
from shared.calendar import FIRST_YEAR, LAST_YEAR, Period
from shared.catalogue.entries import Dimension, Form, Indicator, Regime
from shared.contracts.actor import Actor
from shared.entrypoints import rpc
from shared.errors import Invalid, NotFound
from shared.packets.disaggregations import Disaggregations
from shared.packets.indicator_groups import IndicatorGroups
from shared.packets.indicators import Indicators
from shared.packets.kpi_data import KpiData
from shared.packets.kpi_set import KpiSet
from shared.packets.periods import Periods
from shared.packets.regime import Regime as RegimePacket
from shared.packets.report_data import ReportData
from shared.packets.report_form import ReportForm
from shared.packets.report_list import ReportList
from shared.storage import UnitOfWork


class PacketCalls:
    """Contents of packets; each needs the right that its data needs elsewhere."""

    unit: UnitOfWork

    @rpc
    def regime_packet(self, actor: Actor, regime: str) -> RegimePacket:
        """Return a regime with its forms as packet (1). Raises NotFound("indicators.no_regime")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            return packet_catalogue.regime_of(_regime(connection, regime), _forms(connection))

    @rpc
    def form_packet(self, actor: Actor, form: str) -> ReportForm:
        """Return a form with its indicators as packet (2). Raises NotFound("indicators.no_form")."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            return packet_catalogue.form_of(_form(connection, form), _indicators(connection))

    @rpc
    def data_packet(self, actor: Actor, form: str, unit: str, period: str) -> ReportData:
        """Return the approved content of (form, unit, period) as packet (4).

        Raises NotFound("indicators.no_release") where nothing is approved yet, Forbidden outside the actor's scope,
        Invalid("period.malformed").
        """
        with reading(self.unit.engine).connect() as connection:
            return self._content(connection, actor, form, unit, period, _indicators(connection))

    @rpc
    def list_packet(self, actor: Actor, form: str, unit: str, period: str) -> ReportList:
        """Return the open lists of the approved content of (form, unit, period) as packet (5). Raises what
        `data_packet` does, NotFound("indicators.no_lists") for a form without any."""
        with reading(self.unit.engine).connect() as connection:
            indicators = _indicators(connection)
            data = self._content(connection, actor, form, unit, period, indicators)
            whole = _form(connection, form)
        if not whole.open_lists:
            raise NotFound(
                "indicators.no_lists", f"{form} has no open lists", f"Biểu mẫu {form} không có bảng danh sách."
            )
        return packet_figures.list_of(data, whole, indicators)

    @rpc
    def periods_packet(self, actor: Actor, year: int, regime: str | None = None) -> Periods:
        """Return the periods of a year, or of a regime's year with windows and deadlines, as packet (8).

        Raises NotFound("indicators.no_regime"), Invalid("calendar.year").
        """
        actor.require("catalogue.read")
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise Invalid("calendar.year", f"the calendar has no year {year}", f"Lịch không có năm {year}.")
        if regime is None:
            return packet_catalogue.periods_of_year(year)
        return packet_catalogue.periods_of_regime(regime_year(self.unit.engine, regime, year))

    @rpc
    def indicators_packet(
        self, actor: Actor, group: str | None = None, form: str | None = None, on: date | None = None
    ) -> Indicators:
        """Return indicators, of a group (its code) or a form, as they are defined on a day, as packet (9).

        Raises NotFound("indicators.no_form").
        """
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            found = _indicators(connection)
            whole = None if form is None else _form(connection, form)
        columns = [code for part in whole.open_lists for code in part.columns] if whole else []
        wanted = {*whole.indicators, *whole.derived, *columns} if whole else found.keys()
        chosen = (item for code, item in found.items() if code in wanted)
        if group is not None:
            chosen = (item for item in chosen if packet_catalogue.group_code(item.group) == group)
        return packet_catalogue.indicators_of(chosen, on)

    @rpc
    def kpi_set_packet(self, actor: Actor, form: str | None = None, regime: str | None = None) -> KpiSet:
        """Return the derived indicators of a form, a regime or the whole catalogue as packet (10).

        Raises NotFound("indicators.no_form", "indicators.no_regime").
        """
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            indicators = _indicators(connection)
            if form is not None:
                whole = _form(connection, form)
                set_id, name, decision, forms = form, whole.name, None, [whole]
            elif regime is not None:
                known = _regime(connection, regime)
                set_id, name, decision = regime, known.name, known.decision
                forms = [item for item in _forms(connection) if item.regime == regime]
            else:
                set_id, name, decision = packet_catalogue.WHOLE_SET, "Tất cả chỉ tiêu tính từ công thức", None
                forms = _forms(connection)
        return packet_catalogue.kpi_set_of(set_id, name, decision, forms, indicators)

    @rpc
    def groups_packet(self, actor: Actor) -> IndicatorGroups:
        """Return the groups of indicators as packet (11)."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            return packet_catalogue.groups_of(_indicators(connection).values())

    @rpc
    def disaggregations_packet(self, actor: Actor) -> Disaggregations:
        """Return the dimensions with their code lists as packet (12)."""
        actor.require("catalogue.read")
        with reading(self.unit.engine).connect() as connection:
            found = msgspec.convert(entries.of_kind(connection, "dimension", ""), list[Dimension])
        return packet_catalogue.disaggregations_of(found)

    @rpc
    def kpi_packet(self, actor: Actor, unit: str, period: str, form: str | None = None) -> KpiData:
        """Return the approved values of derived indicators of a unit and period, of one form or of all in the actor's
        scope, as packet (13). Raises Forbidden outside it, Invalid("period.malformed")."""
        Period.parse(period)
        [unit] = organisations.meant(self.unit.engine, period, [unit])
        actor.require("observations.read", unit=unit, form=form)
        organisation = organisations.current(self.unit.engine)
        with reading(self.unit.engine).connect() as connection:
            cells = {
                code: cell
                for code, cell in warehouse.cells(connection, unit, period).items()
                if (form is None or cell.form == form) and actor.covers(form=cell.form)
            }
            releases = warehouse.releases_of(connection, {cell.form for cell in cells.values()}, unit, period)
            indicators = _indicators(connection)
        versions = {name: release.version for name, release in releases.items()}
        set_id = form or packet_catalogue.WHOLE_SET
        return packet_figures.kpis_of(set_id, unit, period, cells, versions, indicators, organisation)

    def _content(
        self,
        connection: Connection,
        actor: Actor,
        form: str,
        unit: str,
        period: str,
        indicators: dict[str, Indicator],
    ) -> ReportData:
        Period.parse(period)
        [unit] = organisations.meant(self.unit.engine, period, [unit])
        actor.require("observations.read", unit=unit, form=form)
        release = warehouse.releases_of(connection, [form], unit, period).get(form)
        if release is None:
            raise NotFound(
                "indicators.no_release",
                f"nothing of {form} of {unit} for {period} is approved",
                f"Chưa có số liệu được duyệt của biểu mẫu {form}, đơn vị {unit}, kỳ {period}.",
            )
        content = warehouse.content(connection, form, unit, period, release.batch)
        recorded = release.agency, release.level, release.version
        organisation = organisations.current(self.unit.engine)
        return packet_figures.data_of((form, unit, period), recorded, content, indicators, organisation)


def _regime(connection: Connection, regime: str) -> Regime:
    found = entries.find(connection, "regime", regime)
    if found is None:
        raise NotFound("indicators.no_regime", f"there is no regime {regime}", "Không có chế độ báo cáo này.")
    return msgspec.convert(found, Regime)


def _form(connection: Connection, form: str) -> Form:
    found = entries.find(connection, "form", form)
    if found is None:
        raise NotFound("indicators.no_form", f"there is no form {form}", "Không có biểu mẫu này.")
    return msgspec.convert(found, Form)


def _forms(connection: Connection) -> list[Form]:
    return msgspec.convert(entries.of_kind(connection, "form", ""), list[Form])


def _indicators(connection: Connection) -> dict[str, Indicator]:
    found = msgspec.convert(entries.of_kind(connection, "indicator", ""), list[Indicator])
    return {item.id: item for item in found}
