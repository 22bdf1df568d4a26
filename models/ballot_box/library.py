"""The function library of the box: its text, its versioned names, and how it gets into a Valkey."""

import hashlib
from pathlib import Path

_TEXT = Path(__file__).with_name("ballot_box.lua").read_text(encoding="utf-8")
REVISION = hashlib.sha256(_TEXT.encode()).hexdigest()[:8]
CODE = _TEXT.replace("REVISION", REVISION)

LOADED_BY_OTHERS = "the functions of this release are not in the box yet: workers, ticker and `migrate` load them"
"""Why an API whose user may not load them does nothing."""


def function(name: str) -> str:
    """The loaded name of a function of `ballot_box.lua`: `cast` → `cast_1f0c5e7a`."""
    return f"{name}_{REVISION}"


def is_missing(error: Exception) -> bool:
    """Whether Valkey says that it does not know the function: nothing was done, and the library must be loaded."""
    return "Function not found" in str(error)


def is_loaded_already(error: Exception) -> bool:
    """Whether another process loaded the library first."""
    return "already exists" in str(error)
