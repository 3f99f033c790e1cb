"""Further claim checkers: what may be configured, what is sent where, and what becomes of answers that are none."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.ehrs.file import SettingsRefused
from gateway.outputs.claim_checkers import Address, Checkers, Plugin, Remote, load, read_addresses
from monitoring.grounding import merging
from monitoring.grounding.merging import Answered
from monitoring.grounding.protocol import AnswerInvalid, CheckRequest, SnapshotRef, format_request, parse_answer
from monitoring.grounding.values import ClaimVerdict

TEXT = "Has asthma. Takes aspirin."
REQUEST = CheckRequest(
    text=TEXT, sentences=((0, 11), (12, 26)), chart_snapshot_ref=SnapshotRef(hash="h", as_of="2026-01-01T00:00:00Z", resources=("Condition/a/_history/1",)),
    chart=({"resourceType": "Condition", "id": "a"},),
)  # fmt: skip
CLAIM = {
    "span": [0, 11],
    "claim_type": "condition",
    "verdict": "supported",
    "evidence": [{"reference": "Condition/a", "version": "1", "path": "Condition.code"}],
    "score": 0.9,
}
ANSWER = {"name": "nli", "version": "7", "claims": [CLAIM]}


def serving(answer: bytes, act: Callable[[str, list[bytes]], Awaitable[None]], *, late: bool = False) -> None:
    """A real server on loopback that answers everything the same, while ``act(url, bodies received)`` runs."""

    async def run() -> None:
        got: list[bytes] = []
        released = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            got.append(await reader.readexactly(size))
            if late:
                await released.wait()
            writer.write(answer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            await act(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/check", got)
            released.set()
            await asyncio.sleep(0.05)

    asyncio.run(run())


def reply(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}connection: close\r\n\r\n".encode() + body


def address(url: str, **more: Any) -> Address:
    return Address(**{"name": "nli", "url": url, "kind": "nli", "networks": ("127.0.0.0/8",), **more})


def test_an_address_is_sent_the_protocol_and_what_it_says_is_read() -> None:
    async def act(url: str, got: list[bytes]) -> None:
        remote = Remote(address(url))
        answers = await Checkers([remote]).ask(REQUEST)
        await remote.aclose()
        assert (answers[0].version, answers[0].failure, answers[0].claims[0].verdict) == ("7", "", "supported")
        sent = json.loads(got[0])
        assert sorted(sent) == ["budget_ms", "chart", "chart_snapshot_ref", "locale", "sentences", "text"]
        assert sent["chart"] == []
        assert sent["chart_snapshot_ref"]["resources"] == ["Condition/a/_history/1"]

    serving(reply(json.dumps(ANSWER).encode()), act)


def test_the_chart_goes_only_where_the_configuration_says_so() -> None:
    async def act(url: str, got: list[bytes]) -> None:
        remote = Remote(address(url, send_chart=True))
        await remote.ask(REQUEST)
        await remote.aclose()
        assert json.loads(got[0])["chart"] == [{"resourceType": "Condition", "id": "a"}]

    serving(reply(json.dumps(ANSWER).encode()), act)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"<html>"), reply(b"{}"), reply(b"", "500 Oops"), reply(b"", "302 Found", "location: http://127.0.0.1:1/\r\n"),
        reply(json.dumps({**ANSWER, "claims": [{**CLAIM, "span": [0, 99]}]}).encode()),
        reply(json.dumps({**ANSWER, "claims": [{**CLAIM, "verdict": "fine"}]}).encode()),
        reply(json.dumps({**ANSWER, "claims": [{**CLAIM, "score": 7}]}).encode()),
        reply(json.dumps({**ANSWER, "name": "x" * 1_100_000}).encode()), b"", b"nonsense\r\n\r\n",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_makes_the_text_uncheckable(answer: bytes) -> None:
    async def act(url: str, got: list[bytes]) -> None:
        remote = Remote(address(url))
        found = await Checkers([remote]).ask(REQUEST)
        await remote.aclose()
        assert len(got) == 1
        assert [(each.failure, each.claims[0].verdict, each.claims[0].span) for each in found] == [
            ("failed", "uncheckable", (0, 26))
        ]

    serving(answer, act)


def test_a_late_answer_is_uncheckable_and_says_how_long_was_waited() -> None:
    async def act(url: str, got: list[bytes]) -> None:
        remote = Remote(address(url, timeout_ms=80))
        found = await Checkers([remote]).ask(REQUEST)
        await remote.aclose()
        assert found[0].failure in ("late", "failed")
        assert found[0].claims[0].verdict == "uncheckable"
        assert 50 <= found[0].claims[0].latency_ms < 1500

    serving(reply(json.dumps(ANSWER).encode()), act, late=True)


@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)])
def test_a_name_that_leads_to_no_declared_network_is_not_called(networks: tuple[str, ...]) -> None:
    async def act(url: str, got: list[bytes]) -> None:
        remote = Remote(address(url, networks=networks))
        assert (await remote.ask(REQUEST)).failure == "failed"
        await remote.aclose()
        assert got == []

    serving(reply(json.dumps(ANSWER).encode()), act)


def configured(folder: Path, *tables: str) -> Path:
    path = folder / "chartgate.toml"
    path.write_text("\n".join(f"[[claim_checker]]\n{table}" for table in tables))
    return path


GOOD = 'name = "nli"\nurl = "https://checker.example/v1"\nkind = "nli"'


def test_addresses_are_read_from_the_file_of_the_installation(tmp_path: Path) -> None:
    path = configured(
        tmp_path,
        GOOD,
        'name = "own"\nurl = "http://localhost:9000/"\nkind = "llm_judge"\ntimeout_ms = 500\nsend_chart = true',
    )
    first, second = read_addresses(path)
    assert (first.timeout_ms, first.send_chart, first.networks) == (2000, False, ())
    assert (second.timeout_ms, second.send_chart, second.networks) == (500, True, ("127.0.0.0/8", "::1/128"))
    assert read_addresses(tmp_path / "none.toml") == ()


@pytest.mark.parametrize(
    ("table", "word"),
    [
        (GOOD.replace("https", "http"), "url"), (GOOD.replace("checker", "user:pass@checker"), "url"), (GOOD.replace('"nli"\nurl', '"rules"\nurl'), "rules"),
        (GOOD.replace('kind = "nli"', 'kind = "oracle"'), "kind"), (GOOD + "\nextra = 1", "extra"), (GOOD + '\ntimeout_ms = "1"', "timeout_ms"),
        (GOOD + "\ntimeout_ms = 99999", "timeout_ms"), (GOOD + '\nnetworks = ["x"]', "networks"), ('name = "a"', "url"), (GOOD + f"\n[[claim_checker]]\n{GOOD}", "nli"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_used_stops_the_start_and_names_the_member(
    tmp_path: Path, table: str, word: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_addresses(configured(tmp_path, table))
    assert word in str(refused.value) or word == "nli"
    assert "pass" not in str(refused.value)


class Checker:
    name, version, kind = "mine", "1", "deterministic"

    def check(self, req: CheckRequest) -> list[ClaimVerdict]:
        return [ClaimVerdict(span=req.sentences[0], claim_type="x", verdict="contradicted")]


@pytest.mark.parametrize("given", [Checker, Checker()])
def test_an_entry_point_is_a_checker_or_a_class_of_such(tmp_path: Path, given: Any) -> None:
    checkers = load(tmp_path / "none.toml", plugins=lambda: [given])
    answers = asyncio.run(checkers.ask(REQUEST))
    assert [(each.name, each.claims[0].verdict) for each in answers] == [("mine", "contradicted")]
    assert not load(tmp_path / "none.toml", plugins=list)


def test_an_entry_point_that_is_no_checker_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="no claim checker"):
        load(tmp_path / "none.toml", plugins=lambda: [object()])


def test_a_plugin_that_answers_outside_the_text_is_uncheckable() -> None:
    class Wild(Checker):
        def check(self, req: CheckRequest) -> list[ClaimVerdict]:
            return [ClaimVerdict(span=(0, 500), claim_type="x", verdict="contradicted")]

    assert asyncio.run(Plugin(Wild()).ask(REQUEST)).failure == "failed"


def test_the_protocols_json_goes_there_and_back() -> None:
    answer = parse_answer(json.dumps(ANSWER).encode(), REQUEST)
    assert answer.claims[0].evidence[0].reference == "Condition/a"
    assert json.loads(format_request(REQUEST))["text"] == TEXT
    with pytest.raises(AnswerInvalid):
        parse_answer(b"\xff", REQUEST)


def claim(verdict: str, span: tuple[int, int] = (0, 11)) -> ClaimVerdict:
    return ClaimVerdict(span=span, claim_type="x", verdict=verdict)  # type: ignore[arg-type]


def test_a_model_says_something_only_of_what_the_rules_could_not_check() -> None:
    assert merging.combined("contradicted", ["supported"]) == "contradicted"
    assert merging.combined("supported", ["contradicted"]) == "supported"
    assert merging.combined("uncheckable", ["supported", "unsupported"]) == "unsupported"
    assert merging.combined("uncheckable", ["uncheckable"]) == merging.combined("uncheckable", []) == "uncheckable"


def test_only_rules_and_people_block() -> None:
    def answered(kind: str) -> Answered:
        return Answered(name="n", version="1", kind=kind, claims=(claim("contradicted"),))  # type: ignore[arg-type]

    assert [merging.blocking([], [answered(kind)]) for kind in ("nli", "llm_judge", "deterministic", "human")] == [
        0,
        0,
        1,
        1,
    ]
    assert merging.blocking([claim("contradicted"), claim("unsupported")], []) == 1


def test_people_see_every_disagreement_and_one_in_fifty_of_the_rest() -> None:
    spans = [(n, n + 1) for n in range(0, 10_000, 2)]
    agreeing = Answered(name="n", version="1", kind="nli", claims=tuple(claim("supported", span) for span in spans))
    drawn = merging.samples([claim("supported", span) for span in spans], [agreeing], spans, salt="o")
    assert 60 <= len(drawn) <= 140
    assert {each.weight for each in drawn} == {merging.ONE_IN}
    disagreeing = merging.samples([claim("contradicted", span) for span in spans], [agreeing], spans, salt="o")
    assert (len(disagreeing), {each.weight for each in disagreeing}) == (5000, {1})
