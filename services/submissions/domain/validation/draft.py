"""What validation looks at: a draft, the catalogue it is judged by, and what is approved of the same unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.submissions.domain.catalogue import Catalogue, Form, Indicator
from services.submissions.domain.merge import Cell
from services.submissions.domain.validation.past import Past
from shared.canonical import decimal_text

_HALF = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft under judgement: `cells` by indicator (removed ones left out), their `values` as numbers (None: nothing
    occurred), and the `past`: approved values of the unit, those of the same period on other forms included."""

    cells: Mapping[str, Cell]
    values: Mapping[str, Decimal | None]
    form: Form
    catalogue: Catalogue
    past: Past

    @classmethod
    def of(cls, cells: Mapping[str, Cell], form: Form, catalogue: Catalogue, past: Past) -> Draft:
        """Return the draft made of these cells."""
        values = {code: None if cell.value is None else Decimal(cell.value) for code, cell in cells.items()}
        return cls(cells, values, form, catalogue, past)

    def entered(self) -> list[Indicator]:
        """Return the form's entered indicators that the catalogue knows, in the form's order."""
        known = self.catalogue.indicators
        return [known[code] for code in self.form.entered if code in known]


def half_unit(item: Indicator) -> Decimal:
    """Return by how much rounding may have moved a figure of this indicator; nothing for counts."""
    return Decimal(0) if item.integer else _HALF.scaleb(-item.decimals)


def shown(value: str | Decimal | None) -> str:
    """Return a value as findings show it."""
    if value is None:
        return "không phát sinh"
    return value if isinstance(value, str) else decimal_text(value)


def rounded(value: Decimal | Fraction, places: int) -> str:
    """Return a number as findings show one that was reckoned: rounded once, half to even, however large it is."""
    whole = round(Fraction(value) * 10**places)
    sign, digits = "-" if whole < 0 else "", str(abs(whole)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")
    return text if text == "0" else sign + text


def about(values: Mapping[str, Decimal | None], codes: tuple[str, ...]) -> str:
    """Return the text of these codes' values: what a comment is bound to, so that another value asks for another."""
    return " ".join(f"{code}={'-' if value is None else decimal_text(value)}" for code, value in _of(values, codes))


def _of(values: Mapping[str, Decimal | None], codes: tuple[str, ...]) -> list[tuple[str, Decimal | None]]:
    return [(code, values[code]) for code in codes if code in values]
