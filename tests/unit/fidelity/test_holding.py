"""Lines with a word are found whole, wherever the pieces of a file end."""

from fidelity import lines


def test_every_line_with_the_word_is_found_once_and_whole(tmp_path):
    wanted = [b'{"n":%d,"Encounter":1}' % number for number in range(40)]
    filler = b'{"x":"' + b"y" * 60_000 + b'"}'
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"\n".join(each for line in wanted for each in (line, filler)))
    assert list(lines.holding(path, b"Encounter")) == wanted
    assert list(lines.holding(path, b"nowhere")) == []


def test_a_line_that_is_too_long_is_left_out_and_the_next_is_found(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"Encounter 1\n" + b"Encounter" * (lines.LONGEST // 4) + b"\nEncounter 2")
    assert list(lines.holding(path, b"Encounter")) == [b"Encounter 1", b"Encounter 2"]
