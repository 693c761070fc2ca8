"""Text as people and systems send it: Unicode in one form (NFC), numbers written the Vietnamese or the plain way.

"3.507,6" (dot for thousands, comma for decimals) and "3507.6" are the same number. "3.507" alone is two numbers,
3507 to a clerk and 3.507 to a programmer: whoever reads it must say whose hand it comes from, or refuse it.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from shared.errors import Invalid

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_VIETNAMESE = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?", re.ASCII)
_AMBIGUOUS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_MINUS = str.maketrans({"\u2212": "-", "\u00a0": " ", "\u202f": " "})
_LONGEST = 64


def nfc(text: str) -> str:
    """Return the text in Unicode normal form C, the province's canon (TCVN 6909:2001, Đ4.2d); NFD is accepted."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def parse_number(text: str, *, by_hand: bool = False) -> Decimal:
    """Read a number written as "3.507,6", "3507,6" or "3507.6", exactly.

    `by_hand` says that a person typed it in the Vietnamese way, so "3.507" is 3507. Without it such a text, which
    a system may as well mean as 3.507, is refused: a factor of a thousand is never guessed.

    Raises Invalid("value.not_a_number") or Invalid("value.ambiguous").
    """
    compact = text.translate(_MINUS).strip()
    if len(compact) <= _LONGEST:
        if _AMBIGUOUS.fullmatch(compact):
            if not by_hand:
                raise Invalid(
                    "value.ambiguous",
                    f"{compact!r} may mean a thousand times more or less; send a JSON number",
                    f"Không rõ “{compact}” là phần nghìn hay phần thập phân.",
                )
            return Decimal(compact.replace(".", ""))
        if _PLAIN.fullmatch(compact):
            return Decimal(compact)
        if _VIETNAMESE.fullmatch(compact):
            return Decimal(compact.replace(".", "").replace(",", "."))
    raise Invalid("value.not_a_number", f"{text[:_LONGEST]!r} is not a number", "Giá trị không phải là số.")
