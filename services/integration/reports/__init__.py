"""How a report looks: one outline, drawn as a page (HTML), a paper (PDF) and a workbook (XLSX).

What it says is decided in domain/report.py. The libraries that draw are imported where they are used.
"""
