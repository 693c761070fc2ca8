"""Parts against their total, per dimension. Figures rounded by themselves may miss by half a unit of the last place."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby

from services.submissions.domain import findings as rules
from services.submissions.domain.catalogue import Indicator
from services.submissions.domain.findings import Finding, find
from services.submissions.domain.validation.draft import Draft, half_unit, shown


def parts(draft: Draft) -> Iterator[Finding]:
    """Find totals that differ from the sum of their parts, or are less than some of them."""
    for total, dimension, items in _breakdowns(draft):
        whole = draft.values.get(total.code)
        given = {item.code: draft.values[item.code] or Decimal(0) for item in items if item.code in draft.values}
        if whole is None or not given:
            continue
        for code, value in given.items():
            slack = half_unit(total) + half_unit(draft.catalogue.indicators[code])
            if total.summed and value - whole > slack:
                facts = {"value": shown(value), "whole": total.code, "total": shown(whole)}
                yield find(rules.PART_EXCEEDS, code, **facts).among(code, total.code)
        added = sum(given.values(), Decimal(0))
        complete = len(given) == len(items)
        facts = {"dimension": dimension, "parts": " + ".join(given), "total": shown(whole), "sum": shown(added)}
        slack = sum((half_unit(item) for item in (total, *items)), Decimal(0))
        if complete and abs(added - whole) > slack:
            yield find(rules.PARTS_DIFFER, total.code, **facts).among(total.code, *given)
        elif not complete and total.summed and added - whole > slack:
            yield find(rules.PARTS_EXCEED, total.code, **facts).among(total.code, *given)


def _breakdowns(draft: Draft) -> Iterator[tuple[Indicator, str, list[Indicator]]]:
    """Yield totals of the form with a dimension and the parts by it. One total may be broken down in several ways."""
    known = draft.catalogue.indicators
    children = [item for item in draft.entered() if item.parent in known and item.dimension]

    def by(item: Indicator) -> tuple[str, str]:
        return item.parent or "", item.dimension or ""

    for (parent, dimension), items in groupby(sorted(children, key=by), key=by):
        yield known[parent], dimension, list(items)
