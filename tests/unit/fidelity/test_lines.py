"""Bad input is told by line, counted and skipped; nothing is dropped in silence and nothing fills the memory."""

import io
import itertools
import resource as limits

import pytest

from fidelity import lines, profiling

GOOD = b'{"resourceType":"Patient","id":"p"}\n'
BAD = {
    "truncated": (b'{"resourceType":"Patient","id":"p"', lines.NOT_JSON),
    "trailing comma": (b'{"resourceType":"Patient",}', lines.NOT_JSON),
    "no number": (b'{"resourceType":"Patient","x":NaN}', lines.NOT_JSON),
    "nested without end": (b"[" * 100_000, lines.NOT_JSON),
    "Latin-1": (b'{"resourceType":"Patient","id":"caf\xe9"}', lines.NOT_UTF8),
    "UTF-16": ('{"resourceType":"Patient"}'.encode("utf-16-be"), lines.NOT_JSON),
    "an array": (b"[1]", lines.NO_OBJECT),
    "null": (b"null", lines.NO_OBJECT),
    "no type": (b'{"id":"p"}', lines.NO_TYPE),
    "an unknown type": (b'{"resourceType":"Patiant"}', lines.NO_TYPE),
    "a type that is no text": (b'{"resourceType":["Patient"]}', lines.NO_TYPE),
    "nested too deep": (b'{"resourceType":"Patient","a":' + b'{"a":' * 300 + b"1" + b"}" * 301, lines.TOO_DEEP),
    "a Bundle": (b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}', lines.BUNDLE),
    "an endless line": (b'{"resourceType":"Patient","id":"' + b"x" * (lines.LONGEST + 10) + b'"}', lines.TOO_LONG),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_cannot_be_read_is_told_by_its_number_and_those_around_it_are_read(tmp_path, name):
    bad, wrong = BAD[name]
    (tmp_path / "feed.ndjson").write_bytes(GOOD + b"\n" + bad + b"\n" + GOOD)
    found = list(lines.read(tmp_path / "feed.ndjson"))
    assert [(each.number, each.wrong) for each in found] == [(1, ""), (3, wrong), (4, "")]
    survey = profiling.survey(tmp_path)
    assert survey.troubles == [profiling.Trouble("feed.ndjson", 3, wrong)]
    assert (survey.profile.unreadable[wrong], sum(survey.profile.tables["rows"].rows.values())) == (1, 2)


def test_a_resource_of_many_members_that_is_not_deep_is_read():
    wide = b'{"resourceType":"Patient","name":[' + b'{"given":["a"]},' * 500 + b'{"family":"[{[{"}]}'
    assert lines.parsed(1, 0, wide).wrong == ""


def test_a_good_file_has_no_trouble(tmp_path):
    (tmp_path / "feed.ndjson").write_bytes(lines.BOM + GOOD + b"\r\n" + GOOD.strip())
    assert [each.wrong for each in lines.read(tmp_path / "feed.ndjson")] == ["", ""]
    assert profiling.survey(tmp_path).troubles == []


def test_every_line_is_read_once_wherever_a_file_is_cut(tmp_path):
    path = tmp_path / "feed.ndjson"
    path.write_bytes(
        b"".join(b'{"resourceType":"Patient","id":"%d"}\n' % (10**number) for number in range(40)) + b"not JSON"
    )
    for size in (1, 7, 40, 41, 200, 10_000):
        parts = list(profiling.split([path], size))
        survey = profiling.gather(profiling.partial(profiling.count_part, settings={}), parts)
        assert sum(survey.profile.tables["rows"].rows.values()) == 40, size
        assert [(each.line, each.wrong) for each in survey.troubles] == [(41, lines.NOT_JSON)], size


def test_blocks_of_any_size_hold_the_lines_that_begin_between_two_places():
    body = b"one\n\n\r\n" + b"x" * 30 + b"\nlast, without an end"
    starts = [0, *(place + 1 for place, sign in enumerate(body) if sign == ord("\n"))]
    ends = [*starts[1:], len(body)]
    for size, start, end in itertools.product((1, 3, 29, 31, 200), range(len(body) + 2), range(len(body) + 2)):
        found = list(lines.blocks(io.BytesIO(body), start, end, size))
        wanted = [(body[first:last], last) for first, last in zip(starts, ends, strict=True) if start <= first < end]
        assert b"".join(block for block, _, _ in found) == b"".join(line for line, _ in wanted), (size, start, end)
        assert [at for _, _, at in found][-1:] == [at for _, at in wanted][-1:]
        assert all(block.endswith(b"\n") or last == len(body) for block, _, last in found)


@pytest.mark.parametrize("size", [128 * 1024**2, pytest.param(2 * 1024**3, marks=pytest.mark.campaign)])
def test_a_line_of_any_length_takes_no_more_memory_than_a_short_one(tmp_path, size):
    path = tmp_path / "feed.ndjson"
    path.write_bytes(GOOD)
    with path.open("r+b") as file:
        file.truncate(size)  # a hole of zeros: one line, without its end, that takes no room on the disk
    before = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss
    assert [each.wrong for each in lines.read(path)] == ["", lines.TOO_LONG]
    assert limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB


def test_a_folder_without_ndjson_is_no_source(tmp_path):
    with pytest.raises(lines.NoLines):
        profiling.survey(tmp_path)
    (tmp_path / "labels.ndjson").write_bytes(b"{}\n")
    with pytest.raises(lines.NoLines):
        profiling.survey(tmp_path)
