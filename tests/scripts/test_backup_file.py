"""The file of a backup: what was written is read, and nothing else is."""

import json
from pathlib import Path

import pytest

from scripts import backup_file
from scripts.backup_file import MAGIC, BackupError, BackupReader, BackupWriter, check, read_key

KEY = "a key of thirty-two letters or more, made up"
OTHER = "another key of thirty-two letters or more, too"
PARTS = {"log/1/0": [b"first", b"second"], "ledger.dump": [bytes(range(256)) * 40], "media/x.webp": []}


def written(path: Path, key: str | None) -> bytes:
    with path.open("wb") as file:
        writer = BackupWriter(file, {"made_at": "today"}, key)
        for name, content in PARTS.items():
            writer.part(name, content)
        writer.end({"rows": {"votes": 3}})
    return path.read_bytes()


def read(path: Path, key: str | None) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with path.open("rb") as file:
        reader = BackupReader(file, key)
        for piece in reader.pieces():
            found[piece.part] = (
                found.get(piece.part, b"") + piece.data if piece.kind == "D" else found.get(piece.part, b"")
            )
    return found


def chunks(content: bytes) -> tuple[bytes, list[bytes]]:
    """What comes before the chunks, and the chunks with their lengths."""
    at = len(MAGIC)
    at += 4 + int.from_bytes(content[at : at + 4], "big")
    head, found = content[:at], []
    while at < len(content):
        size = 4 + int.from_bytes(content[at : at + 4], "big")
        found.append(content[at : at + size])
        at += size
    return head, found


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> str | None:
    value: str | None = request.param
    return value


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_file, "CHUNK", 1000)


def test_what_was_written_is_read(tmp_path: Path, key: str | None, small_chunks: None) -> None:
    content = written(tmp_path / "b", key)
    assert read(tmp_path / "b", key) == {name: b"".join(parts) for name, parts in PARTS.items()}
    manifest = check(tmp_path / "b", key)
    assert manifest["rows"] == {"votes": 3}
    assert {name: told["bytes"] for name, told in manifest["parts"].items()} == {
        "log/1/0": 11,
        "ledger.dump": 10240,
        "media/x.webp": 0,
    }
    assert (b"second" in content) == (key is None)


def test_two_files_of_one_key_share_no_chunk(tmp_path: Path) -> None:
    first, second = (chunks(written(tmp_path / name, KEY))[1] for name in "ab")
    assert not set(first) & set(second)


def test_a_cut_one_is_refused_wherever_it_was_cut(tmp_path: Path, key: str | None, small_chunks: None) -> None:
    content = written(tmp_path / "b", key)
    for length in [*range(0, len(content) - 1, 97), len(content) - 1]:
        (tmp_path / "b").write_bytes(content[:length])
        with pytest.raises(BackupError):
            check(tmp_path / "b", key)


def test_a_changed_byte_is_found_wherever_it_is(tmp_path: Path, key: str | None, small_chunks: None) -> None:
    content = written(tmp_path / "b", key)
    head, _ = chunks(content)
    for at in [*range(len(head) + 8), *range(len(head), len(content), 61)]:
        changed = bytearray(content)
        changed[at] ^= 1
        (tmp_path / "b").write_bytes(changed)
        with pytest.raises(BackupError):
            check(tmp_path / "b", key)


def test_chunks_that_were_swapped_left_out_doubled_or_added_are_found(
    tmp_path: Path, key: str | None, small_chunks: None
) -> None:
    head, found = chunks(written(tmp_path / "b", key))
    assert len(found) > 8
    for other in (
        [*found[:5], found[6], found[5], *found[7:]],
        [*found[:5], *found[6:]],
        [*found[:5], found[5], *found[5:]],
        [*found, found[-1]],
        found[:-1],
        [],
    ):
        (tmp_path / "b").write_bytes(head + b"".join(other))
        with pytest.raises(BackupError):
            check(tmp_path / "b", key)


def test_chunks_of_another_backup_of_the_same_key_are_refused(tmp_path: Path) -> None:
    head, found = chunks(written(tmp_path / "a", KEY))
    _, others = chunks(written(tmp_path / "b", KEY))
    (tmp_path / "a").write_bytes(head + b"".join([others[0], *found[1:]]))
    with pytest.raises(BackupError, match="damaged or was changed"):
        check(tmp_path / "a", KEY)


def test_a_wrong_key_none_and_one_too_many_are_told_apart(tmp_path: Path) -> None:
    written(tmp_path / "b", KEY)
    with pytest.raises(BackupError, match="not the key that the backup was made with"):
        check(tmp_path / "b", OTHER)
    with pytest.raises(BackupError, match="is encrypted: give its key"):
        check(tmp_path / "b", None)
    written(tmp_path / "c", None)
    with pytest.raises(BackupError, match="is not encrypted"):  # it may have been put in the place of one that is
        check(tmp_path / "c", KEY)


def test_another_format_and_other_files_are_named(tmp_path: Path) -> None:
    content = written(tmp_path / "b", None)
    head, found = chunks(content)
    header = json.loads(head[len(MAGIC) + 4 :]) | {"format": 2}
    text = json.dumps(header).encode()
    (tmp_path / "b").write_bytes(MAGIC + len(text).to_bytes(4, "big") + text + b"".join(found))
    with pytest.raises(BackupError, match="has format 2, this release reads 1"):
        check(tmp_path / "b", None)
    (tmp_path / "c").write_bytes(b"PGDMP and so on")
    with pytest.raises(BackupError, match="no backup of Bình Chọn"):
        check(tmp_path / "c", None)
    with pytest.raises(BackupError, match="No such file"):
        check(tmp_path / "d", None)


def test_no_key_is_made_of_a_password(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2\n")
    with pytest.raises(BackupError, match="too short"):
        read_key(tmp_path / "key")
    (tmp_path / "key").write_text("mật khẩu rất dài nhưng vẫn chỉ là một mật khẩu")
    with pytest.raises(BackupError, match="is no key"):
        read_key(tmp_path / "key")
    (tmp_path / "key").write_text(KEY + "\n")
    assert read_key(tmp_path / "key") == KEY
