"""Recorded figures as packets of QCVN 125 (shared/packets): report data, report data as list, KPI data. Pure.

What is withdrawn is left out; "không phát sinh" is a figure without a value. Names and units of measure are those that
held on the period's last day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from services.indicators.domain.cells import Cell
from shared.calendar import Period
from shared.catalogue.entries import Form, Indicator
from shared.catalogue.organisation import Organisation
from shared.contracts.events import Observation
from shared.packets.kpi_data import KpiData, KpiValue
from shared.packets.report_data import Figure, ReportData, hash_of
from shared.packets.report_list import ListCell, ListColumn, ListRow, OpenList, ReportList

ROW = ".R"
"""Row 7 of column DA01 is the figure DA01.R7."""


def data_of(
    place: tuple[str, str, str],
    recorded: tuple[str, str, int],
    observations: Iterable[Observation],
    indicators: Mapping[str, Indicator],
    organisation: Organisation,
) -> ReportData:
    """Return the whole content of (form, unit, period) as recorded: by an agency, at a level, as a version."""
    form, unit, period = place
    agency, level, version = recorded
    figures = tuple(_figure(item, period, indicators) for item in observations if not item.withdrawn)
    data = ReportData(
        form=form,
        unit=unit,
        unit_name=name_of(organisation, unit, period),
        agency=agency or None,
        period=period,
        level=level or None,  # type: ignore[arg-type]  # a level of approval
        version=version,
        figures=figures,
    )
    return replace(data, content_hash=hash_of(data))


def list_of(data: ReportData, form: Form, indicators: Mapping[str, Indicator]) -> ReportList:
    """Return the open lists of this content: those that the form has, with the rows that have figures."""
    return ReportList(
        form=data.form,
        unit=data.unit,
        unit_name=data.unit_name,
        agency=data.agency,
        period=data.period,
        version=data.version,
        lists=tuple(
            OpenList(
                id=item.id,
                label=item.label or None,
                columns=tuple(_column(code, data.period, indicators) for code in item.columns),
                rows=_rows(item.columns, data.figures),
            )
            for item in form.open_lists
        ),
    )


def kpis_of(
    set_id: str,
    unit: str,
    period: str,
    cells: Mapping[str, Cell],
    versions: Mapping[str, int],
    indicators: Mapping[str, Indicator],
    organisation: Organisation,
) -> KpiData:
    """Return the computed ones of these values; `versions` has each form's version."""
    return KpiData(
        set=set_id,
        unit=unit,
        unit_name=name_of(organisation, unit, period),
        period=period,
        values=tuple(
            KpiValue(
                code=code,
                value=cell.value,
                status=cell.status,  # type: ignore[arg-type]  # the warehouse has these three
                form=cell.form,
                version=versions.get(cell.form),
                **_labels(code, period, indicators),
            )
            for code, cell in sorted(cells.items())
            if cell.derived
        ),
    )


def name_of(organisation: Organisation, unit: str, period: str) -> str | None:
    """Return the name that the unit bore on the period's last day."""
    return organisation.name(unit, Period.parse(period).end)


def _figure(item: Observation, period: str, indicators: Mapping[str, Indicator]) -> Figure:
    return Figure(
        indicator=item.indicator,
        value=item.value,
        status=item.status,  # type: ignore[arg-type]  # the warehouse has these three
        label=item.label,
        **_labels(item.indicator, period, indicators),
    )


def _labels(code: str, period: str, indicators: Mapping[str, Indicator]) -> dict[str, Any]:
    known = indicators.get(code) or indicators.get(code.rpartition(ROW)[0])
    if known is None:
        return {}
    return {"name": known.name, "measure": known.on(Period.parse(period).end).measure}


def _column(code: str, period: str, indicators: Mapping[str, Indicator]) -> ListColumn:
    return ListColumn(indicator=code, **_labels(code, period, indicators))


def _rows(columns: Sequence[str], figures: Iterable[Figure]) -> tuple[ListRow, ...]:
    cells: dict[int, list[ListCell]] = {}
    labels: dict[int, str] = {}
    for figure in figures:
        column, _, number = figure.indicator.rpartition(ROW)
        if column not in columns or not number.isdecimal():
            continue
        row = int(number)
        cells.setdefault(row, []).append(ListCell(column=column, value=figure.value, status=figure.status))
        if figure.label:
            labels.setdefault(row, figure.label)
    return tuple(ListRow(number=row, label=labels.get(row), cells=tuple(cells[row])) for row in sorted(cells))
