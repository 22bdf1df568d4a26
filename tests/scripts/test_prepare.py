"""`binhchon prepare`: what comes before anything is served."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from models.ballot_box.connection import BoxAway, box_client, call
from models.ballot_box.keys import shard_keys
from models.contest import all_contests, decide_state
from models.database import transaction
from models.settings import Settings
from scripts import migrate
from scripts.prepare import run
from tests.servers import as_user
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


def test_migrations_bring_the_functions_that_an_api_may_not_load(box: str, database: str, tmp_path: Path) -> None:
    with box_client(as_user(box, "app")) as api:
        with pytest.raises(BoxAway, match="not in the box yet"):
            call(api, "pulse", shard_keys(1, 0))
        assert migrate.run(settings_of(as_user(box, "keeper"), database, tmp_path)) == 0
        assert call(api, "pulse", shard_keys(1, 0))[0] == b"", "nothing is open, and the box answers"


def test_migrations_need_no_box(database: str, tmp_path: Path) -> None:
    assert migrate.run(settings_of("unix:///nonexistent/valkey.sock", database, tmp_path)) == 0
