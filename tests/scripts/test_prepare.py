"""`binhchon prepare`: what comes before anything is served."""

from pathlib import Path

from pydantic import SecretStr

from models.contest import all_contests, decide_state
from models.database import transaction
from models.settings import Settings
from scripts.prepare import run
from tests.workers.contests import KEYS, Stage


def settings_of(box: str, database: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(database),
        ballot_box_url=SecretStr(box),
        scratch_url=SecretStr("unix:///nonexistent/valkey.sock"),
        identity_key=SecretStr(KEYS.identity_key),
        session_keys=SecretStr(",".join(KEYS.session_keys)),
        data_dir=folder,
    )


def slugs(stage: Stage) -> list[str]:
    with transaction(stage.engine) as connection:
        return [contest.slug for contest in all_contests(connection)]


def test_a_start_after_the_close_out_leaves_the_results_alone(
    open_contest: Stage, box: str, database: str, tmp_path: Path
) -> None:
    """The demo contest is for a ledger without any: not beside one that is final, nor over it."""
    with transaction(open_contest.engine) as connection:
        decide_state(connection, open_contest.contest_id, "final")
        connection.exec_driver_sql("UPDATE contests SET result_policy = 'published'")
    before = slugs(open_contest), open_contest.contest
    assert run(settings_of(box, database, tmp_path)) == 0
    assert (slugs(open_contest), open_contest.contest) == before
