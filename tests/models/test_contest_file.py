"""Contest files: what is accepted, and how each problem is reported with its line and field."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.contest_file import (
    MAX_BYTES,
    MAX_ENTRIES,
    ContestFile,
    ContestFileError,
    FileAttachment,
    FileCategory,
    FileContest,
    FileEntry,
    FilePicture,
    parse_contest_file,
    read_contest_file,
)
from models.contest_texts import TEXTS
from models.settings import ROOT

DEMO = ROOT / "contests" / "demo.toml"
NOW = datetime(2025, 11, 4, 18, 30, tzinfo=UTC)  # already 5 November in Viet Nam
ICT = timezone(timedelta(hours=7))

VALID = """\
[contest]
slug = "sang-kien-2025"
title = "Cuộc thi"
opens_at = 2025-11-05
closes_at = 2025-11-21

[[categories]]
slug = "moi-truong"
title = "Môi trường"

[[entries]]
slug = "may-loc-nuoc"
title = "Máy lọc nước"
category = "moi-truong"
"""


def parse(text: str) -> ContestFile:
    return parse_contest_file(text.encode(), "x.toml", NOW)


def problems(text: str) -> list[str]:
    with pytest.raises(ContestFileError) as caught:
        parse(text)
    return str(caught.value).split("\n")


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1
    return VALID.replace(old, new)


def with_times(opens_at: str, closes_at: str) -> str:
    return VALID.replace("2025-11-05", opens_at).replace("2025-11-21", closes_at)


def test_least_file_and_its_defaults():
    contest = parse(VALID).contest
    assert (contest.result_policy, contest.minted_sessions, contest.shards) == ("live", False, 1)
    assert contest.rules == contest.help_line == contest.title_en == ""
    entry = parse(VALID).entries[0]
    assert (entry.slug, entry.published, entry.author) == ("may-loc-nuoc", True, "")


def test_what_is_read_cannot_be_changed():
    with pytest.raises(ValidationError):
        parse(VALID).contest.slug = "other"


def test_bare_dates_are_midnights_in_viet_nam():
    contest = parse(VALID).contest
    assert contest.opens_at == datetime(2025, 11, 5, tzinfo=ICT)
    assert contest.closes_at == datetime(2025, 11, 21, tzinfo=ICT)
    assert contest.opens_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"today"', datetime(2025, 11, 5, tzinfo=ICT)),
        ('"today+3d"', datetime(2025, 11, 8, tzinfo=ICT)),
        ("2025-11-05T08:00:00", datetime(2025, 11, 5, 8, tzinfo=ICT)),
        ("2025-11-05T08:00:00.250+09:00", datetime(2025, 11, 4, 23, 0, 0, 250_000, tzinfo=UTC)),
        ("2025-11-05T01:00:00Z", datetime(2025, 11, 5, 1, tzinfo=UTC)),
        ('"2025-11-05"', datetime(2025, 11, 5, tzinfo=ICT)),
        ('"2025-11-05 08:00"', datetime(2025, 11, 5, 8, tzinfo=ICT)),
        ('"2025-11-05T08:00:00z"', datetime(2025, 11, 5, 8, tzinfo=UTC)),
    ],
)
def test_ways_to_write_a_moment(written, meant):
    assert parse(with_times(written, "2025-12-31")).contest.opens_at == meant


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ('"tomorrow"', "write a date and time such as"),
        ('"today+16"', "write a date and time such as"),
        ("20251105", "write a date and time such as"),
        ("08:00:00", "write a date and time such as"),
        ("[2025-11-05]", "write a date and time such as"),
        ('"2025-02-30"', "there is no such day or time"),
        ("0001-01-01T00:00:00+14:00", "the year must be between"),
        ("9999-12-31T23:59:59-14:00", "the year must be between"),
        ("2025-11-05T00:00:00.0005", "must not be finer than a millisecond"),
    ],
)
def test_ways_not_to_write_a_moment(written, problem):
    (line,) = problems(with_times(written, "2025-12-31"))
    assert line.startswith(f"x.toml:4: contest.opens_at: {problem}")


@pytest.mark.parametrize("closes_at", ["2025-11-05", "2025-11-04T23:59:59.999+07:00", '"today"'])
def test_closing_comes_after_opening(closes_at):
    assert problems(with_times("2025-11-05", closes_at)) == ["x.toml:5: contest.closes_at: must be later than opens_at"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('slug = "sang-kien-2025"\n', "", "x.toml:1: contest.slug: is missing"),
        ('"Cuộc thi"', "3", "x.toml:3: contest.title: must be text in quotes"),
        ('"Cuộc thi"', '" "', "x.toml:3: contest.title: must not be empty"),
        ('"Cuộc thi"', '"' + "a" * 301 + '"', "x.toml:3: contest.title: must be at most 300 characters long"),
        ('"Cuộc thi"', r'"a\u0000b"', "x.toml:3: contest.title: must not contain the control character U+0000"),
        ('"Cuộc thi"', r'"a\nb"', "x.toml:3: contest.title: must not contain the control character U+000A"),
        ('"Cuộc thi"', r'"a\u202Eb"', "x.toml:3: contest.title: must not contain the control character U+202E"),
        ("2025-11-21", "2025-11-21\nshards = 65", "x.toml:6: contest.shards: must be at most 64"),
        ("2025-11-21", "2025-11-21\nshards = 0", "x.toml:6: contest.shards: must be at least 1"),
        ("2025-11-21", "2025-11-21\nshards = true", "x.toml:6: contest.shards: must be a whole number, without quotes"),
        (
            "2025-11-21",
            '2025-11-21\nminted_sessions = "no"',
            "x.toml:6: contest.minted_sessions: must be true or false, without quotes",
        ),
        (
            "2025-11-21",
            '2025-11-21\nresult_policy = "secret"',
            "x.toml:6: contest.result_policy: must be 'live', 'hidden' or 'published'",
        ),
        (
            "2025-11-21",
            '2025-11-21\nresult_polcy = "live"',
            'x.toml:6: contest.result_polcy: unknown field; did you mean "result_policy"?',
        ),
        (
            "2025-11-21",
            '2025-11-21\nopens-at = "today"',
            'x.toml:6: contest.opens-at: unknown field; did you mean "opens_at"?',
        ),
        ("[contest]", "[other]\n[contest]", "x.toml:1: other: unknown field"),
        (
            'category = "moi-truong"',
            'category = "moi-truon"',
            'x.toml:14: entries[0].category: unknown category "moi-truon"; did you mean "moi-truong"?',
        ),
    ],
)
def test_each_problem_has_its_line_and_field(old, new, line):
    assert problems(changed(old, new)) == [line]


@pytest.mark.parametrize("slug", ["Máy", "May", "a--b", "-a", "a-", "a_b", "", "a b", "a\\n"])
def test_slugs(slug):
    (line,) = problems(changed('"may-loc-nuoc"', f'"{slug}"'))
    assert line.startswith("x.toml:12: entries[0].slug: must be small letters")


def test_all_problems_are_reported_at_once_in_the_order_of_the_file():
    text = changed('"Cuộc thi"', "3").replace('category = "moi-truong"', 'category = "x"\nauhtor = "A"')
    assert problems(text) == [
        "x.toml:3: contest.title: must be text in quotes",
        'x.toml:14: entries[0].category: unknown category "x"',
        'x.toml:15: entries[0].auhtor: unknown field; did you mean "author"?',
    ]


def test_a_slug_stands_once():
    text = (
        VALID + VALID[VALID.index("[[entries]]") :] + VALID[VALID.index("[[categories]]") : VALID.index("[[entries]]")]
    )
    assert problems(text) == [
        'x.toml:16: entries[1].slug: "may-loc-nuoc" is already the slug of entries[0]',
        'x.toml:20: categories[1].slug: "moi-truong" is already the slug of categories[0]',
    ]


def test_sections_that_are_missing_or_of_another_shape():
    assert problems("") == [
        "x.toml:1: categories: is missing",
        "x.toml:1: contest: is missing",
        "x.toml:1: entries: is missing",
    ]
    assert problems("contest = 1\ncategories = {}\nentries = []\n") == [
        "x.toml:1: contest: must be a table of its own",
        "x.toml:2: categories: must be written as [[categories]]",
        "x.toml:3: entries: there must be at least 1",
    ]


def test_too_many_entries_are_one_problem():
    more = (
        f'[[entries]]\nslug = "a-{number}"\ntitle = "A"\ncategory = "moi-truong"\n' for number in range(MAX_ENTRIES)
    )
    assert problems(VALID + "".join(more)) == ["x.toml:11: entries: there may be at most 10000"]


def test_problems_beyond_fifty_are_only_counted():
    lines = problems(VALID + "".join(f"field{number} = 1\n" for number in range(60)))
    assert len(lines) == 51
    assert lines[-1] == "x.toml: and 10 more problems"


def test_lines_are_right_after_texts_of_many_lines():
    rules = '"""\n[[entries]]\nslug = "no"\n\\""" still rules # no comment\n"""""'
    text = changed("closes_at = 2025-11-21", f"closes_at = 2025-11-21 # [[x]]\nrules = {rules}\nshards = 99")
    assert problems(text) == ["x.toml:11: contest.shards: must be at most 64"]


def test_entries_written_as_an_inline_array_are_found_by_their_array():
    head = VALID[: VALID.index("[[entries]]")]
    text = 'entries = [\n  { slug = "a", title = "A", category = "x" },\n]\n' + head
    assert problems(text) == ['x.toml:1: entries[0].category: unknown category "x"']


def test_text_is_kept_in_the_composed_form():
    decomposed = "Mo\u0302i tru\u031bo\u031b\u0300ng"
    assert parse(changed("Môi trường", f"  {decomposed} ")).categories[0].title == "Môi trường"


def test_windows_files_are_read():
    content = b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode()
    assert parse_contest_file(content, "x.toml", NOW) == parse(VALID)


def test_a_syntax_error_has_its_line():
    assert problems(changed('"Cuộc thi"', "“Cuộc thi”")) == ["x.toml:3: Invalid value"]
    assert problems("[contest]\nslug = ") == ["x.toml:2: Invalid value"]
    assert problems('[contest]\nslug = """\n') == ["x.toml:3: Unterminated string"]


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 20_000 + "]" * 20_000])
def test_what_the_parser_itself_cannot_bear(value):
    assert problems(f"x = {value}") == ["x.toml:1: the file holds a number too long or brackets too deep to read"]


def test_files_that_are_too_large_or_not_text():
    with pytest.raises(ContestFileError, match=r"^x.toml:1: the file is larger than 5 MB$"):
        parse_contest_file(b"#" * (MAX_BYTES + 1), "x.toml", NOW)
    with pytest.raises(ContestFileError, match=r"^x.toml:2: the file is not UTF-8 text"):
        parse_contest_file(b"# x\n\xff\xfe", "x.toml", NOW)


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ContestFileError, match=r"none.toml: cannot read the file: No such file or directory$"):
        read_contest_file(tmp_path / "none.toml", NOW)
    with pytest.raises(ContestFileError, match=r"cannot read the file: Is a directory$"):
        read_contest_file(tmp_path, NOW)
    with pytest.raises(ContestFileError, match=r"cannot read the file"):
        read_contest_file(Path("a\0b"), NOW)


def test_a_file_is_named_by_its_name(tmp_path: Path):
    path = tmp_path / "so-1.toml"
    path.write_text("[contest", encoding="utf-8")
    with pytest.raises(ContestFileError, match=r"^so-1.toml:1: "):
        read_contest_file(path, NOW)


SIGNS = (
    "[[ ]] [ ] { } = \" \"\"\" ' ''' # \\ . , 1 a é \0 contest entries.slug today 2025-11-05 [contest.x] [entries.a]"
)
PIECES = st.sampled_from([*VALID.splitlines(keepends=True), *SIGNS.split(), "\n"])


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(PIECES).map(lambda parts: "".join(parts).encode())))
def test_never_another_exception(content):
    try:
        parse_contest_file(content, "x.toml", NOW)
    except ContestFileError as error:
        for line in str(error).split("\n"):
            assert line.startswith("x.toml:"), line


VALUES = st.sampled_from(
    [
        '"""\n"\n[x]\n"""',
        "'''\n[[entries]]\n''''",
        '"""a\\"""\n"""""',
        '[ # ]\n 1,\n "]",\n]',
        "{ a = '{' }",
        "1.5",
        '"#"',
    ]
)


@given(st.lists(VALUES, max_size=6), st.integers(min_value=0, max_value=5))
def test_the_line_is_right_whatever_stands_before(values, blank):
    extra = "".join(f"extra{number} = {value} # [\n" for number, value in enumerate(values))
    text = changed('slug = "sang-kien-2025"\n', extra + "\n" * blank + "slug = 3\n")
    line = text.split("\n").index("slug = 3") + 1
    assert f"x.toml:{line}: contest.slug: must be text in quotes" in problems(text)


def test_the_examples_of_the_guide():
    guide = (ROOT / "docs" / "contest-files.md").read_text(encoding="utf-8")
    example, times = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert parse(example).contest.closes_at == datetime(2025, 11, 21, tzinfo=ICT)
    assert times in example.replace("          # the end of 20 November", "")


def test_the_guide_names_every_field():
    guide = (ROOT / "docs" / "contest-files.md").read_text(encoding="utf-8")
    for table in (FileContest, FileCategory, FileEntry, FilePicture, FileAttachment):
        for field in table.model_fields:
            assert f"`{field}`" in guide, field


def test_the_demo_contest():
    demo = read_contest_file(DEMO, NOW)
    contest = demo.contest
    assert contest.title == "Cuộc thi “Đổi mới sáng tạo - vì Thái Nguyên thân yêu” lần thứ nhất"
    assert contest.opens_at == datetime(2025, 11, 5, tzinfo=ICT)
    assert contest.closes_at - contest.opens_at == timedelta(days=16)
    assert contest.voters_note == "Mỗi tài khoản chỉ được bình chọn 1 lần/1 bài thi"
    assert contest.minted_sessions
    assert "minh hoạ" in contest.help_line
    assert (len(demo.categories), len(demo.entries)) == (5, 30)
    assert {entry.category for entry in demo.entries} == {category.slug for category in demo.categories}
    for entry in demo.entries:
        assert "(minh hoạ)" in entry.title
        assert "minh hoạ" in entry.author
        assert entry.published
        assert entry.summary
        assert entry.text
        for name in ("title_en", "summary_en", "text_en"):
            assert getattr(entry, name)
        assert "(demonstration)" in entry.title_en
        assert entry.pictures
        for picture in entry.pictures:
            assert "minh hoạ" in picture.alt
            assert picture.alt_en
    assert contest.area == "tỉnh Thái Nguyên"
    for name in TEXTS:
        assert getattr(contest, name), name


def test_every_field_of_the_texts_has_its_english_one():
    for name in TEXTS:
        if not name.endswith("_en") and name not in {"help_line", "privacy_contact"}:
            assert f"{name}_en" in TEXTS, name


def test_the_files_of_the_demo_contest_are_small_and_all_used():
    named = {
        one.file for entry in read_contest_file(DEMO, NOW).entries for one in (*entry.pictures, *entry.attachments)
    }
    files = {path.relative_to(DEMO.parent).as_posix(): path for path in (DEMO.parent / "pictures").iterdir()}
    assert set(files) == named
    assert max(path.stat().st_size for path in files.values()) <= 12_288
