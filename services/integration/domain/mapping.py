"""Under which codes a partner knows units and indicators, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.calendar import Period
from shared.catalogue import identifiers
from shared.catalogue.organisation import Organisation
from shared.catalogue.units import Code
from shared.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeMapping:
    """How hub codes become partner codes: units by their code of `unit_scheme` (empty: the hub's id), indicators by
    exceptions first, else by `indicator_prefix` before the hub's code."""

    unit_scheme: str = "gso"
    indicator_prefix: str = ""
    indicators: dict[str, str] = field(default_factory=dict)

    def indicator(self, code: str) -> str:
        """Return the partner's code of this indicator."""
        return self.indicators.get(code) or self.indicator_prefix + code

    def hub_indicator(self, code: str) -> str:
        """Return the hub's code for a partner's; one that maps to nothing is kept as it is."""
        for ours, theirs in self.indicators.items():
            if theirs == code:
                return ours
        return code.removeprefix(self.indicator_prefix)

    def unit(self, unit: str, body: Mapping[str, Any] | None, period: str) -> str:
        """Return the partner's code of this unit in this period; `body` is the unit's catalogue entry.

        A code valid at the period's end goes before others. Raises Invalid("integration.unmapped_unit").
        """
        if not self.unit_scheme:
            return unit
        codes = self._codes(body or {})
        if not codes:
            raise Invalid(
                "integration.unmapped_unit",
                f"unit {unit} has no code of scheme {self.unit_scheme}",
                f"Đơn vị {unit} chưa có mã {self.unit_scheme} để gửi cho hệ thống nhận.",
            )
        end = _end(period)
        valid = [code for code in codes if code.holds(end)]
        return (valid or codes)[-1].code

    def hub_unit(self, code: str, period: str, organisation: Organisation) -> str:
        """Return the unit that a partner's code means in this period. Codes are reused: the one that bore it at the
        period's end goes before others; a code that nobody bore is kept as it is."""
        if not self.unit_scheme:
            return code
        text = f"{self.unit_scheme}:{code}"
        return organisation.resolve(text, _end(period)) or next(iter(organisation.bearers(text)), code)

    def _codes(self, body: Mapping[str, Any]) -> list[Code]:
        """Return the unit's codes as this partner spells them: an identifier is one in either scheme and order."""
        schemes = identifiers.SCHEMES if self.unit_scheme in identifiers.SCHEMES else {self.unit_scheme}
        codes = [code for code in msgspec.convert(body.get("codes", []), list[Code]) if code.scheme in schemes]
        return [replace(code, code=identifiers.respell(code.code, self.unit_scheme)) for code in codes]


def _end(period: str) -> date:
    """Return the period's last day; what is no period of the hub's is taken for the latest one."""
    try:
        return Period.parse(period).end
    except Invalid:
        return date.max
