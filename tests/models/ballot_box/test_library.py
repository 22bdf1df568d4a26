"""The function library: loaded when it is missing, beside those of other releases."""

import threading
from contextlib import closing

from models.ballot_box import library, steer
from models.ballot_box.connection import box_client, call
from models.ballot_box.library import CODE, REVISION
from models.outcomes import Outcome
from tests.models.ballot_box.boxes import Box, cast_args


def loaded(box: Box) -> set[str]:
    return {found[b"library_name"].decode() for found in map(_pairs, box.client.function_list())}


def _pairs(flat: list) -> dict:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def test_its_names_carry_the_hash_of_its_text() -> None:
    assert len(REVISION) == 8
    assert "REVISION" not in CODE.replace(f"_{REVISION}", "")
    assert library.function("cast") == f"cast_{REVISION}"


def test_two_releases_work_side_by_side(opened: Box) -> None:
    assert opened.cast((42, 1)) == [Outcome.COUNTED]
    opened.client.function_load(CODE.replace(REVISION, "0ther0ne"))
    assert loaded(opened) == {f"ballot_box_{REVISION}", "ballot_box_0ther0ne"}
    keys = opened.keys().all()
    letters, _ = opened.client.fcall("cast_0ther0ne", len(keys), *keys, *cast_args((42, 1), (43, 1)))
    assert letters == b"ac"
    assert opened.cast((43, 1), (44, 1)) == [Outcome.ALREADY_VOTED, Outcome.COUNTED]


def test_functions_that_are_gone_are_loaded_again(opened: Box) -> None:
    opened.cast((42, 1))
    opened.client.function_flush()
    assert opened.cast((43, 1)) == [Outcome.COUNTED]
    opened.client.function_flush()
    assert steer.stop(opened.client, opened.keys()).state == "paused"
    assert loaded(opened) == {f"ballot_box_{REVISION}"}


def test_many_who_find_it_missing_at_once_are_all_served(box: str, opened: Box) -> None:
    opened.client.function_flush()
    ready, states = threading.Barrier(8), []

    def pulse() -> None:
        with closing(box_client(box)) as client:
            client.ping()
            ready.wait()
            states.append(call(client, "pulse", opened.keys())[0])

    threads = [threading.Thread(target=pulse) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [b"open"] * 8


def test_it_is_still_there_after_a_restart(server, own: Box) -> None:
    own.cast((42, 1))
    server.kill()
    server.start()
    assert loaded(own) == {f"ballot_box_{REVISION}"}
    assert own.cast((42, 1), (43, 1)) == [Outcome.ALREADY_VOTED, Outcome.COUNTED]
