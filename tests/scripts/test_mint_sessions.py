import stat
import threading
import time

from pydantic import SecretStr

from api.sessions import Sessions
from models.event import Proof
from scripts.mint_sessions import run
from tests.api.contest import CONTEST_ID, KEYS, open_contest, set_contest
from tests.api.running import settings_for


def test_tokens_of_as_many_accounts_in_a_private_file(box, tmp_path):
    open_contest(box)
    out = tmp_path / "tokens"
    out.touch(mode=0o644)
    began = time.monotonic()
    assert run(settings_for(box), 20_000, out) == 0
    assert time.monotonic() - began < 5
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    sessions = Sessions(KEYS)
    minted = [sessions.read(token.encode()) for token in out.read_text().splitlines()]
    assert len({session.account for session in minted}) == 20_000
    assert {(session.contest_id, session.proof) for session in minted} == {(CONTEST_ID, Proof.MINTED)}
    assert abs(minted[0].issued_at - time.time()) < 60
    assert minted[0].expires_at - minted[0].issued_at == 3 * 86_400


def test_a_contest_that_is_on_its_way_into_the_box_is_waited_for(box, tmp_path):
    opening = threading.Timer(0.3, open_contest, [box])
    opening.start()
    assert run(settings_for(box), 1, tmp_path / "tokens") == 0
    opening.join()


def test_two_runs_make_different_accounts(box, tmp_path):
    open_contest(box)
    for name in ("a", "b"):
        assert run(settings_for(box), 2, tmp_path / name) == 0
    accounts = {Sessions(KEYS).read(t.encode()).account for f in "ab" for t in (tmp_path / f).read_text().split()}
    assert len(accounts) == 4


def test_what_it_refuses_it_says_in_one_line(box, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("scripts.mint_sessions.PATIENCE_S", 0.0)
    out = tmp_path / "tokens"
    assert run(settings_for(box), 1, out) == 1
    open_contest(box, minted_sessions=False)
    assert run(settings_for(box), 1, out) == 1
    open_contest(box)
    assert run(settings_for(box), 1, tmp_path / "no" / "folder") == 1
    assert run(settings_for(box, ballot_box_url=SecretStr("unix:///nonexistent.sock")), 1, out) == 1
    set_contest(box, key="1:0123456789abcdef")
    assert run(settings_for(box), 1, out) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5
    assert all(line.startswith("mint-sessions: ") for line in said)
    assert not out.exists()
