"""Cells of exports: no spreadsheet may take a text for a formula (OWASP, “CSV Injection”)."""

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a cell begins with that Excel, LibreOffice or Google Sheets would compute."""
BOM = "\ufeff"
"""At the beginning of a CSV file: without it Excel takes UTF-8 for something else."""


def safe(text: str) -> str:
    """The text as a cell of a CSV file: an apostrophe stands before what could be a formula."""
    return "'" + text if text.startswith(RISKY) else text


def safe_sql(column: str) -> str:
    """The same as an expression of SQL. `column`: an expression of this program's own, of type text."""
    marks = ", ".join(f"chr({ord(mark)})" for mark in RISKY)
    return f"CASE WHEN left({column}, 1) IN ({marks}) THEN '''' || {column} ELSE {column} END"
