"""On which line of a TOML text each table and key begins: what `tomllib` does not say, and people need.

The text must be one that `tomllib` has accepted, so that the scanner only has to find its way, never to judge.
"""

import re
import tomllib
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Names of tables and keys, and 0-based positions in arrays of tables: `("entries", 3, "slug")`."""

MAX_DEPTH = 6  # deeper keys are found through their table; no contest file needs them

# Multi-line strings may end in up to two quotes of their own, hence the tails; a comment runs to the end of its line.
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=,.\n]"
    r"|[^\s\"'\#\[\]{}=,.]+",
    re.DOTALL,
)
_OPENING = frozenset("[{")
_CLOSING = frozenset("]}")
_PUNCTUATION = frozenset("[].")


def toml_lines(text: str) -> dict[Path, int]:
    """Path → 1-based line of each table header and key, and of every table that a dotted name implies."""
    lines: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    for line, statement, is_header in _statements(text):
        names = [_name(token) for token in statement if token not in _PUNCTUATION][:MAX_DEPTH]
        if not is_header:
            _note(lines, table, names, line)
            continue
        table = ()
        for name in names[:-1]:
            table = _inside(arrays, (*table, name))
        table = (*table, names[-1])
        if statement[:2] == ["[", "["]:
            lines.setdefault(table, line)
            arrays[table] = arrays.get(table, 0) + 1
        table = _inside(arrays, table)
        lines[table] = line
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the nearest table around it; 1 where the text has none of them."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _statements(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Each header or key, as (line, tokens before the value, is it a header), in order."""
    line, depth, start, in_value = 1, 0, 1, False
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece == "\n" and depth == 0:
            if tokens:
                yield start, tokens, not in_value
            tokens, in_value = [], False
        elif in_value:
            depth += (piece in _OPENING) - (piece in _CLOSING)
        elif piece == "=":
            in_value = True
        elif not piece.startswith("#"):
            start = start if tokens else line
            tokens.append(piece)
        line += piece.count("\n")
    if tokens:
        yield start, tokens, not in_value


def _note(lines: dict[Path, int], table: Path, names: list[str], line: int) -> None:
    for length in range(1, len(names) + 1):
        lines.setdefault((*table, *names[:length]), line)


def _inside(arrays: dict[Path, int], path: Path) -> Path:
    """The path of the table that `path` names now: in an array of tables, its last one."""
    return (*path, arrays[path] - 1) if path in arrays else path


def _name(token: str) -> str:
    if token[0] not in "\"'":
        return token
    return str(tomllib.loads(f"name = {token}")["name"])
