"""What the warehouse holds, written for others: CSV, XLSX, SDMX-CSV 2.0, SDMX-ML 3.0 and the structures they need.

Writers of texts take page after page, so that an export of any size passes through in bounded memory; a workbook is
written whole and is bounded. openpyxl and lxml are imported where they are used: the process at rest does without.
"""
