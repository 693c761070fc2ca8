"""A regime as tables that a clerk can read and edit: every cell a text, in Vietnamese. Pure; files are made elsewhere.

`layout` says which sheets and columns there are, `columns` how one value is written and read, `flatten` makes rows of
a load's sections, `assemble` makes sections of rows and tells what cannot be read by sheet, row and column.
"""

from services.indicators.domain.sheets.assemble import Assembled, Row, assemble
from services.indicators.domain.sheets.flatten import flatten
from services.indicators.domain.sheets.layout import SHEETS, Sheet, place

__all__ = ["SHEETS", "Assembled", "Row", "Sheet", "assemble", "flatten", "place"]
