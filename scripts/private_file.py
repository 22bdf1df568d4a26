"""Files of a stack that nobody but its owner reads."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
