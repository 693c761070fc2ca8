"""Observations as SDMX: ids and words of the standard, and data as SDMX-CSV 2.0 and SDMX-ML 3.0, page by page.

Ids of SDMX know no dot, ours no hyphen: `NN01.NS` is written `NN01-NS`. A row of an open list is its column's indicator
with the row as a dimension; what is no row has `_Z` (not applicable) there.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from services.indicators.exports.table import writable
from shared.calendar import Period
from shared.contracts.views.warehouse import ObservationView

AGENCY = "VN_LAICHAU"
VERSION = "1.0.0"
DATAFLOW, STRUCTURE = "DF_OBSERVATIONS", "DSD_OBSERVATIONS"
DIMENSIONS = ("FREQ", "REF_AREA", "INDICATOR", "ROW", "TIME_PERIOD")
ATTRIBUTES = ("OBS_STATUS", "NOTHING_OCCURRED", "DERIVED", "FORM", "LABEL", "BASIS", "RELEASE")
COMPONENTS = (*DIMENSIONS, "OBS_VALUE", *ATTRIBUTES)
NO_ROW = "_Z"
FREQUENCIES = {"year": "A", "half": "S", "quarter": "Q", "month": "M", "day": "D", "nine_months": "N"}
STATUSES = {"official": "A", "preliminary": "P", "estimate": "E"}

_MESSAGE = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0/message"
_FLOW = f"urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow={AGENCY}:{DATAFLOW}({VERSION})"
_ROW = re.compile(r"(?P<column>.+)\.(?P<row>R\d+)", re.ASCII)


def code(text: str) -> str:
    """Return an id as SDMX writes it."""
    return text.replace(".", "-")


def time_period(text: str) -> str:
    """Return a period as SDMX writes it: nine months are a range of time, half years begin with S."""
    period = Period.parse(text)
    if period.kind == "nine_months":
        return f"{period.year:04}-01-01/P9M"
    return text.replace("-H", "-S")


def components(item: ObservationView) -> dict[str, str]:
    """Return an observation's components that have a value, in the order of the structure."""
    row = _ROW.fullmatch(item.indicator)
    found = {
        "FREQ": FREQUENCIES[Period.parse(item.period).kind],
        "REF_AREA": code(item.unit),
        "INDICATOR": code(row["column"] if row else item.indicator),
        "ROW": row["row"] if row else NO_ROW,
        "TIME_PERIOD": time_period(item.period),
        "OBS_VALUE": item.value or "",
        "OBS_STATUS": STATUSES.get(item.status, ""),
        "NOTHING_OCCURRED": "true" if item.value is None else "",
        "DERIVED": "true" if item.derived else "",
        "FORM": item.form,
        "LABEL": item.label or "",
        "BASIS": item.basis or "",
        "RELEASE": str(item.version),
    }
    return {name: value for name, value in found.items() if value}


def csv_head() -> str:
    """Return the heading of an SDMX-CSV 2.0 message."""
    return _lines([["STRUCTURE", "STRUCTURE_ID", "ACTION", *COMPONENTS]])


def csv_rows(items: Iterable[ObservationView]) -> str:
    """Return these observations as lines of SDMX-CSV 2.0."""
    head = ["dataflow", f"{AGENCY}:{DATAFLOW}({VERSION})", "I"]
    return _lines([*head, *(told.get(name, "") for name in COMPONENTS)] for told in map(components, items))


def _lines(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def xml_head(message_id: str, prepared: datetime) -> str:
    """Return an SDMX-ML 3.0 structure-specific message up to its first observation."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mes:StructureSpecificData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:mes="{_MESSAGE}"'
        ' xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/data/structurespecific"'
        ' xmlns:com="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/common"'
        f' xmlns:ns1="{_FLOW}:ObsLevelDim:AllDimensions">\n'
        f"<mes:Header><mes:ID>{escape(message_id)}</mes:ID><mes:Test>false</mes:Test>"
        f"<mes:Prepared>{prepared:%Y-%m-%dT%H:%M:%SZ}</mes:Prepared>"
        f'<mes:Sender id="{AGENCY}"/><mes:Structure structureID="{DATAFLOW}" namespace="{_FLOW}"'
        f' dimensionAtObservation="AllDimensions"><com:StructureUsage>{_FLOW}</com:StructureUsage></mes:Structure>'
        "</mes:Header>\n"
        f'<mes:DataSet ss:structureRef="{DATAFLOW}" xsi:type="ns1:DataSetType" action="Information">\n'
    )


def xml_rows(items: Iterable[ObservationView]) -> str:
    """Return these observations as elements."""
    return "".join(
        f"<Obs{''.join(f' {name}={_attribute(value)}' for name, value in components(item).items())}/>\n"
        for item in items
    )


XML_TAIL = "</mes:DataSet>\n</mes:StructureSpecificData>\n"


def _attribute(value: str) -> str:
    return quoteattr(writable(value))
