"""The `binhchon` command. Each command imports its own module when it runs: `ps` need not wait for FastAPI."""

import sys

# ruff: noqa: PLC0415 - commands import what they need when they run

if sys.version_info < (3, 11):  # noqa: UP036 - a clear line where somebody runs it with an older Python all the same
    sys.exit("binhchon needs Python 3.11 or newer, this is " + sys.version.split()[0])

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.settings import Settings

app = typer.Typer(
    help="Bình Chọn: public contest votes that no crash can lose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# By name: importing them would import SQLAlchemy and redis-py for every command.
FOR_PEOPLE = {
    "SettingsError",
    "EmbeddedError",
    "LedgerAway",
    "BoxAway",
    "BoxFull",
    "BoxRefused",
    "ScratchAway",
    "UnknownContestError",
}
AWAY = {"LedgerAway": "the ledger does not answer: ", "ScratchAway": "scratch does not answer: "}
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; what people can put right is a line on stderr, one for each thing, and exit code 1."""
    try:
        app()
    except Exception as error:
        if not any(known.__name__ in FOR_PEOPLE for known in type(error).__mro__):
            raise
        for line in f"{AWAY.get(type(error).__name__, '')}{error}".splitlines():
            print(f"binhchon: {line}", file=sys.stderr)
        sys.exit(1)


def _settings() -> "Settings":
    from models.settings import settings

    return settings()


def _stack(role: str = "command") -> "Settings":
    """Settings with the addresses of all servers: of the environment, else of the running stack. Logs go to standard
    error from here on, each line with `role`.
    """
    from models.logging import configure

    stack = _settings().require_stack()
    configure(stack, role)
    return stack


@app.command()
def up() -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    from scripts import up as command

    raise typer.Exit(command.run(_settings()))


@app.command()
def ps(*, as_json: Json = False) -> None:
    """List the processes of the running stack. Exit code 3 when none runs."""
    from scripts import ps as command

    raise typer.Exit(command.run(_settings(), as_json=as_json))


@app.command()
def api(*, fd: Annotated[int | None, typer.Option(help="Listening socket to inherit.")] = None) -> None:
    """Serve HTTP."""
    from api.serve import serve

    raise typer.Exit(serve(_stack("api"), fd))


@app.command()
def worker(queue: Annotated[str, typer.Argument(help="`flush.0`, `flush.1`, …, `books`, `codes` or `tasks`.")]) -> None:
    """Work on one queue."""
    from workers.worker import work

    raise typer.Exit(work(_stack("worker"), queue))


@app.command()
def ticker() -> None:
    """Enqueue what runs again and again."""
    from workers import ticker as command

    command.run(_stack("ticker"))


@app.command(hidden=True)
def prepare() -> None:
    """Migrate, and import the demo contest where there is none (what `up` does first)."""
    from scripts import prepare as command

    raise typer.Exit(command.run(_stack()))


@app.command()
def migrate() -> None:
    """Bring the ledger's tables up to date."""
    from scripts import migrate as command

    raise typer.Exit(command.run(_stack()))


@app.command("import-contest")
def import_contest(file: Annotated[Path, typer.Argument(help="A contest file (TOML).")]) -> None:
    """Create or change a contest; votes are never touched."""
    from scripts import import_contest as command

    raise typer.Exit(command.run(_stack(), file))


@app.command("create-operator")
def create_operator(
    name: Annotated[str, typer.Argument(help="What is typed at login.")],
    *,
    role: Annotated[str | None, typer.Option(help="`viewer`, `moderator` or `admin`.")] = None,
    full_name: Annotated[str, typer.Option(help="As the console shows it.")] = "",
    reset: Annotated[
        bool, typer.Option("--reset", help="For one who exists: a new password, no second factor, no sessions.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the first password from standard input.")
    ] = False,
) -> None:
    """Make an operator of the console; prints a password for the first login."""
    from scripts import create_operator as command

    raise typer.Exit(command.run(_stack(), name, role, full_name, reset=reset, from_stdin=password_stdin))


@app.command("mint-sessions")
def mint_sessions(
    *,
    count: Annotated[int, typer.Option(min=1, help="How many.")],
    out: Annotated[Path, typer.Option(help="File to write, one token a line.")],
) -> None:
    """Make session tokens for a rehearsal."""
    from scripts import mint_sessions as command

    raise typer.Exit(command.run(_stack(), count=count, out=out))


@app.command()
def status(*, as_json: Json = False) -> None:
    """Votes in box and ledger, drift, lag. Exit code 3 when something is down."""
    from scripts import status as command

    raise typer.Exit(command.run(_stack(), as_json=as_json))


@app.command()
def pause() -> None:
    """Stop voting for now."""
    from scripts import pause as command

    raise typer.Exit(command.run(_stack()))


@app.command()
def resume() -> None:
    """Let voting go on."""
    from scripts import resume as command

    raise typer.Exit(command.run(_stack()))


@app.command()
def sms(
    *,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Switch them; without either, only say how they stand.")
    ] = None,
) -> None:
    """Whether login codes are sent by SMS; `--off` acts at once."""
    from scripts import sms as command

    raise typer.Exit(command.run(_stack(), on=on))


@app.command()
def reconcile(*, rows: Annotated[bool, typer.Option("--rows", help="Count rows and ballots too.")] = False) -> None:
    """Compare box and ledger, for each shard and entry."""
    from scripts import reconcile as command

    raise typer.Exit(command.run(_stack(), rows=rows))


@app.command()
def repair(
    *,
    accept_epoch: Annotated[
        bool, typer.Option("--accept-epoch", help="Also pour a box of an epoch that the ledger does not know.")
    ] = False,
) -> None:
    """Bring box and ledger together again. Only adds, may be repeated."""
    from scripts import repair as command

    raise typer.Exit(command.run(_stack(), accept_epoch=accept_epoch))


@app.command("close-out")
def close_out(
    *,
    number: Annotated[str, typer.Option(help="The minutes' number, such as 12/BB-BTC.")] = "",
    place: Annotated[str, typer.Option(help="Where they are made.")] = "",
    person: Annotated[
        list[str] | None, typer.Option(help="Who signs, as `name - office`; may be given several times.")
    ] = None,
    early: Annotated[str, typer.Option(help="End voting now, before its time; why.")] = "",
) -> None:
    """Count, freeze, sign the minutes. What is final stays so; it may be run again until the minutes stand."""
    from scripts import close_out as command

    raise typer.Exit(command.run(_stack(), number=number, place=place, persons=person or [], early=early))


@app.command("export-results")
def export_results(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    votes: Annotated[bool, typer.Option("--votes", help="The votes too, under pseudonyms.")] = False,
) -> None:
    """Write ranking and minutes as files."""
    from scripts import export_results as command

    raise typer.Exit(command.run(_stack(), out=out, votes=votes))


@app.command("verify-minutes")
def verify_minutes(
    file: Annotated[Path, typer.Argument(help="The minutes as JSON.")],
    *,
    signature: Annotated[Path | None, typer.Option(help="Default: FILE.sig")] = None,
    key: Annotated[str | None, typer.Option(help="The public key that the website names.")] = None,
) -> None:
    """Check the signature of minutes. Needs no stack."""
    from scripts import verify_minutes as command

    raise typer.Exit(command.run(file, signature, key))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")],
    *,
    key_file: Annotated[Path | None, typer.Option(help="Encrypt with the key in this file.")] = None,
    without_box: Annotated[
        bool, typer.Option("--without-box", help="Leave out the votes that are not in the ledger yet.")
    ] = False,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Put in generated secrets, which are better kept apart.")
    ] = False,
) -> None:
    """Write ledger, log and pictures to one file, while everything runs."""
    from scripts import backup as command

    raise typer.Exit(
        command.run(_stack(), file=file, key_file=key_file, without_box=without_box, with_secrets=with_secrets)
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    *,
    key_file: Annotated[Path | None, typer.Option(help="The key that it was made with.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over a ledger that is there; it is kept beside the restored one.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only read it from end to end.")] = False,
) -> None:
    """Put a backup back. Everything must be stopped."""
    from scripts import restore as command

    raise typer.Exit(command.run(_settings(), file=file, key_file=key_file, replace=replace, check_only=check))


@app.command()
def drain(*, seconds: Annotated[float, typer.Option(min=0, help="Give up after this long.")] = 20.0) -> None:
    """Flush the whole log into the ledger, and end."""
    from scripts import drain as command

    raise typer.Exit(command.run(_stack(), seconds=seconds))


if __name__ == "__main__":
    main()
