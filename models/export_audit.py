"""The audit log as a CSV file, oldest line first."""

from models.export_cells import safe_sql
from models.export_stream import Query


def audit_query() -> Query:
    """For `Export`."""
    columns = {
        "Số": "id::text",
        "Lúc (UTC)": """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""",
        "Ai": safe_sql("operator"),
        "Địa chỉ mạng": safe_sql("address"),
        "Cuộc thi": "contest_id::text",
        "Việc": safe_sql("action"),
        "Đối tượng": safe_sql("subject"),
        "Trước": safe_sql("before::text"),
        "Sau": safe_sql("after::text"),
        "Lý do": safe_sql("why"),
    }
    chosen = ", ".join(f'{expression} AS "{name}"' for name, expression in columns.items())
    return f"SELECT {chosen} FROM audit ORDER BY id", {}, {}  # noqa: S608 - constants of this program
