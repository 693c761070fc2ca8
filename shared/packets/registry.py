"""The thirteen kinds, by number, by id, by what they hold and by how their documents begin."""

from __future__ import annotations

import msgspec

from shared.errors import NotFound
from shared.packets import (
    disaggregations,
    indicator_groups,
    indicators,
    kpi_data,
    kpi_set,
    outline_delivery,
    outline_form,
    periods,
    regime,
    report_data,
    report_form,
    report_list,
    report_status,
)
from shared.packets.kind import Kind

KINDS: tuple[Kind, ...] = (
    regime.KIND,
    report_form.KIND,
    outline_form.KIND,
    report_data.KIND,
    report_list.KIND,
    outline_delivery.KIND,
    report_status.KIND,
    periods.KIND,
    indicators.KIND,
    kpi_set.KIND,
    indicator_groups.KIND,
    disaggregations.KIND,
    kpi_data.KIND,
)
"""In the standard's order."""


def kind_named(name: str) -> Kind:
    """Return the kind with this id. Raises NotFound("packets.no_kind")."""
    found = next((kind for kind in KINDS if kind.id == name), None)
    if found is None:
        raise NotFound("packets.no_kind", f"there is no packet {name}", "Không có loại gói tin này.")
    return found


def kind_of_content(content: type[msgspec.Struct]) -> Kind:
    """Return the kind that holds this content."""
    return next(kind for kind in KINDS if kind.content is content)


def kind_of_root(namespace: str, name: str) -> Kind | None:
    """Return the kind whose documents begin so, None if there is none."""
    return next((kind for kind in KINDS if (kind.namespace, kind.root) == (namespace, name)), None)
