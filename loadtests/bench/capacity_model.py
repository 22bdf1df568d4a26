"""Capacity on paper: what a commune, a province and the country need, from what one vote, page and login cost.

`.venv/bin/python -m loadtests.bench.capacity_model --from bench.json` prints the tables of docs/capacity.md; `--into
docs/capacity.md` puts them into that page, between its two marks. Exit status 1 for numbers that it cannot reckon with.
"""

import argparse
import sys
from pathlib import Path

from loadtests.bench.capacity_costs import CapacityError, read_bench
from loadtests.bench.capacity_tables import tables

BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def main() -> int:
    """Prints or writes. Returns the exit status."""
    arguments = _arguments()
    try:
        text = tables(*read_bench(arguments.bench))
        if arguments.into is None:
            sys.stdout.write(text)
        else:
            put_into(arguments.into, text)
    except CapacityError as error:
        sys.stderr.write(f"capacity: {error}\n")
        return 1
    return 0


def put_into(page: Path, text: str) -> None:
    """Replaces what stands between the marks of `page`. Errors: CapacityError where they are not there, once each."""
    try:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
    except OSError as error:
        raise CapacityError(f"{page}: {error.strerror}") from None
    except ValueError:
        raise CapacityError(f"{page} has no place for the tables: {BEGIN.strip()} … {END.strip()}, once") from None
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.capacity_model", description="Capacity on paper.")
    parser.add_argument(
        "--from", dest="bench", type=Path, default=Path("bench.json"), help="what `make bench` measured (bench.json)"
    )
    parser.add_argument("--into", type=Path, help="a page to put the tables into, instead of printing them")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
