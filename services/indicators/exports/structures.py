"""The structures of exported data, generated from the catalogue, as an SDMX-ML 3.0 structure message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from services.indicators.domain.catalogue import Catalogue
from services.indicators.exports.sdmx import AGENCY, ATTRIBUTES, DATAFLOW, DIMENSIONS, STRUCTURE, VERSION, code
from services.indicators.exports.table import writable

_ROOT = "http://www.sdmx.org/resources/sdmxml/schemas/v3_0"
_MES, _STR, _COM = (f"{{{_ROOT}/{name}}}" for name in ("message", "structure", "common"))
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_URN = "urn:sdmx:org.sdmx.infomodel"
_CONCEPTS = {
    "FREQ": ("Loại kỳ", "Frequency"),
    "REF_AREA": ("Đơn vị", "Unit the figure is about"),
    "INDICATOR": ("Chỉ tiêu", "Indicator"),
    "ROW": ("Dòng của danh sách mở", "Row of an open list"),
    "TIME_PERIOD": ("Kỳ báo cáo", "Time period"),
    "OBS_VALUE": ("Giá trị", "Observation value"),
    "OBS_STATUS": ("Tình trạng số liệu", "Observation status"),
    "NOTHING_OCCURRED": ("Không phát sinh", "Nothing occurred"),
    "DERIVED": ("Tính từ công thức", "Computed by a formula"),
    "FORM": ("Biểu mẫu", "Form"),
    "LABEL": ("Tên dòng", "Label of the row"),
    "BASIS": ("Cơ sở", "What the value rests on"),
    "RELEASE": ("Phiên bản", "Version of the form's content"),
}
_LISTS = {"FREQ": "CL_FREQ", "REF_AREA": "CL_UNIT", "INDICATOR": "CL_INDICATOR", "OBS_STATUS": "CL_STATUS"}
_TYPES = {"OBS_VALUE": "Decimal", "NOTHING_OCCURRED": "Boolean", "DERIVED": "Boolean", "RELEASE": "Integer",
          "TIME_PERIOD": "ObservationalTimePeriod"}  # fmt: skip
_FREQUENCIES = {
    "A": ("Năm", "Annual"),
    "S": ("Nửa năm", "Half-yearly"),
    "Q": ("Quý", "Quarterly"),
    "M": ("Tháng", "Monthly"),
    "D": ("Ngày", "Daily"),
    "N": ("Chín tháng", "Nine months"),
}
_STATUSES = {
    "A": ("Chính thức", "Official"),
    "P": ("Sơ bộ", "Preliminary"),
    "E": ("Ước tính", "Estimated"),
}

Names = tuple[str, str | None]


def message(catalogue: Catalogue, prepared: datetime) -> str:
    """Return concepts, code lists (indicators, units, kinds of period, statuses), data structure and dataflow."""
    from lxml import etree

    names = {"mes": f"{_ROOT}/message", "str": f"{_ROOT}/structure", "com": f"{_ROOT}/common"}
    root = etree.Element(f"{_MES}Structure", nsmap=names)
    header = etree.SubElement(root, f"{_MES}Header")
    for name, text in (("ID", "STRUCTURES"), ("Test", "false"), ("Prepared", f"{prepared:%Y-%m-%dT%H:%M:%SZ}")):
        etree.SubElement(header, f"{_MES}{name}").text = text
    etree.SubElement(header, f"{_MES}Sender", id=AGENCY)
    body = _Writer(etree.SubElement(root, f"{_MES}Structures"))
    body.dataflow()
    body.lists(catalogue)
    body.concepts()
    body.structure()
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True).decode()


class _Writer:
    """Writes the parts of the message, in the order that the schema wants."""

    def __init__(self, body: Any) -> None:
        from lxml import etree

        self._body, self._add = body, etree.SubElement

    def dataflow(self) -> None:
        flow = self._maintained(self._group("Dataflows"), "Dataflow", DATAFLOW, ("Số liệu", "Observations"))
        self._add(flow, f"{_STR}Structure").text = f"{_URN}.datastructure.DataStructure={AGENCY}:{STRUCTURE}({VERSION})"

    def lists(self, catalogue: Catalogue) -> None:
        lists = self._group("Codelists")
        indicators = {key: (entry.name, None) for key, entry in catalogue.indicators.items()}
        units = {key: (entry.name, None) for key, entry in catalogue.units.items()}
        parents = {key: entry.parent for key, entry in catalogue.indicators.items() if entry.parent}
        self._list(lists, "CL_FREQ", ("Loại kỳ", "Frequency"), _FREQUENCIES)
        self._list(lists, "CL_INDICATOR", ("Chỉ tiêu", "Indicators"), indicators, parents)
        self._list(lists, "CL_STATUS", ("Tình trạng số liệu", "Status"), _STATUSES)
        self._list(lists, "CL_UNIT", ("Đơn vị", "Units"), units)

    def concepts(self) -> None:
        schemes = self._group("ConceptSchemes")
        scheme = self._maintained(schemes, "ConceptScheme", "CS_HUB", ("Khái niệm", "Concepts"), isPartial="false")
        for name, told in _CONCEPTS.items():
            self._named(self._add(scheme, f"{_STR}Concept", id=name), told)

    def structure(self) -> None:
        group = self._group("DataStructures")
        made = self._maintained(group, "DataStructure", STRUCTURE, ("Cấu trúc số liệu", "Structure of observations"))
        parts = self._add(made, f"{_STR}DataStructureComponents")
        dimensions = self._add(parts, f"{_STR}DimensionList")
        for position, name in enumerate(DIMENSIONS, start=1):
            if name == "TIME_PERIOD":
                self._component(self._add(dimensions, f"{_STR}TimeDimension", id=name), name)
            else:
                element = self._add(dimensions, f"{_STR}Dimension", id=name, position=str(position))
                self._component(element, name)
        attributes = self._add(parts, f"{_STR}AttributeList")
        for name in ATTRIBUTES:
            element = self._add(attributes, f"{_STR}Attribute", id=name, usage="optional")
            self._component(element, name)
            self._add(self._add(element, f"{_STR}AttributeRelationship"), f"{_STR}Observation")
        measures = self._add(parts, f"{_STR}MeasureList")
        self._component(self._add(measures, f"{_STR}Measure", id="OBS_VALUE", usage="optional"), "OBS_VALUE")

    def _component(self, element: Any, name: str) -> None:
        concept = f"{_URN}.conceptscheme.Concept={AGENCY}:CS_HUB({VERSION}).{name}"
        self._add(element, f"{_STR}ConceptIdentity").text = concept
        represented = self._add(element, f"{_STR}LocalRepresentation")
        if name in _LISTS:
            named = f"{_URN}.codelist.Codelist={AGENCY}:{_LISTS[name]}({VERSION})"
            self._add(represented, f"{_STR}Enumeration").text = named
        else:
            self._add(represented, f"{_STR}TextFormat", textType=_TYPES.get(name, "String"))

    def _list(
        self, lists: Any, name: str, told: Names, codes: Mapping[str, Names], parents: Mapping[str, str] | None = None
    ) -> None:
        made = self._maintained(lists, "Codelist", name, told, isPartial="false")
        for key, names in self._sorted(codes):
            element = self._add(made, f"{_STR}Code", id=code(key))
            self._named(element, names)
            if parents and key in parents:
                self._add(element, f"{_STR}Parent").text = code(parents[key])

    @staticmethod
    def _sorted(codes: Mapping[str, Names]) -> Iterable[tuple[str, Names]]:
        return sorted(codes.items())

    def _group(self, name: str) -> Any:
        return self._add(self._body, f"{_STR}{name}")

    def _maintained(self, parent: Any, kind: str, name: str, told: Names, **more: str) -> Any:
        head = {"id": name, "version": VERSION, "agencyID": AGENCY, "isExternalReference": "false", **more}
        element = self._add(parent, f"{_STR}{kind}", head)
        self._named(element, told)
        return element

    def _named(self, element: Any, told: Names) -> None:
        for language, text in zip(("vi", "en"), told, strict=True):
            if text is not None:
                self._add(element, f"{_COM}Name", {_LANGUAGE: language}).text = writable(text)
