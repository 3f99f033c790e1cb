"""``/conformance``: the newest report of each EHR with its counts apart, what did not pass, and the whole page, shut in."""

import asyncio
import zlib
from pathlib import Path
from typing import Any

import pytest

from gateway import kept_reports
from gateway.kept_reports import ReportInvalid
from tests.flow.delivery_world import World, opened

EHR = "https://ehr.example/r4"
PAGE = b"<!doctype html><title>Report</title><script>alert(1)</script>"


SENTENCES = {
    "smart-app-launch-2.2.0@31": ("A token gives what was granted.", "https://hl7.org/fhir/smart-app-launch/"),
    "odd": ("Odd.", "javascript:alert(1)"),
}


def report(target: str = EHR, *, fails: int = 1, **changes: Any) -> dict[str, Any]:
    bad = [
        {
            "id": f"scope_{n}", "suite": "access", "result": "fail", "title": "A token reads its patient only",
            "level": "SHALL", "requirements": ["smart-app-launch-2.2.0@31"], "problems": ["read <b>another</b> patient"],
            "why": "", "fix": "Check the compartment before answering.", "evidence": [],
        }
        for n in range(fails)
    ]  # fmt: skip
    counts = {"pass": 90, "fail": fails, "skip": 7, "error": 2}
    return {
        "suite_version": "0.6", "target": f"{target}/", "started": "2026-11-20T10:00:00Z", "seconds": 4.0, "summary": counts,
        "checks": [*bad, {"id": "fine", "suite": "access", "result": "pass"}], "complete": True, "writes": True, "slow": False,
        "suites": [{"suite": "access", "seconds": 1.0, "summary": counts}], **changes,
    }  # fmt: skip


async def keep(world: World, document: dict[str, Any], page: bytes | None = PAGE) -> int:
    said = {
        "document": kept_reports.summary(document, SENTENCES),
        "by": "Ana",
        "page": page and kept_reports.packed(page),
    }
    made = await world.gateway.run(lambda c, now: kept_reports.keep(c, now, said))
    return int(made["id"])


def test_without_a_report_the_page_says_what_to_run_and_with_one_what_failed(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as world:
            staff, clinician = await world.staff(), await world.clinician(ehr="spec", patient="p1")
            assert (await world.client.get("/conformance")).status_code == 401
            assert (await world.client.get("/conformance", headers=clinician)).status_code == 403
            empty = await world.client.get("/conformance", headers=staff)
            assert f"chartgate conform {EHR} --writes" in empty.text
            await keep(world, report(fails=3))
            await keep(world, report())
            await keep(world, report("https://other.example/fhir", fails=0))
            page = (await world.client.get("/conformance", headers=staff)).text
            for words in (
                'data-head="Pass"><span>90<', 'data-head="Skip"><span>7<', '<span class="state red">2</span>',
                "smart-app-launch-2.2.0@31", "Check the compartment", "&lt;b&gt;another", "Another server", "<code>--slow</code>",
            ):  # fmt: skip
                assert words in page, words
            assert "scope_1" not in page
            assert 'href="https://hl7.org/fhir/smart-app-launch/"' in page
            assert "A token gives" not in page, "the check says itself what to do"
            bare = report()
            bare["checks"][0] |= {"fix": "", "requirements": ["odd", "smart-app-launch-2.2.0@31"]}
            await keep(world, bare)
            page = (await world.client.get("/conformance", headers=staff)).text
            assert "A token gives what was granted." in page
            assert "javascript:" not in page
            assert f"chartgate conform {EHR}" not in page
            assert "<script" not in page

    asyncio.run(run())


def test_the_whole_report_is_shown_to_staff_and_may_do_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as world:
            staff = await world.staff()
            whole, bare = await keep(world, report()), await keep(world, report(), page=None)
            found = await world.client.get(f"/conformance/{whole}", headers=staff)
            assert found.content == PAGE
            policy = found.headers["content-security-policy"]
            assert "sandbox" in policy
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
            assert (await world.client.get(f"/conformance/{whole}")).status_code == 401
            for path in (f"/conformance/{bare}", "/conformance/999", f"/conformance/{2**70}", "/conformance/x"):
                assert (await world.client.get(path, headers=staff)).status_code == 404
            assert "was not kept" in (await world.client.get("/conformance", headers=staff)).text

    asyncio.run(run())


def test_the_oldest_reports_go_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(tmp_path) as world:
            ids = [await keep(world, report()) for _ in range(kept_reports.KEPT + 2)]
            kept = [await world.gateway.run(lambda c, now, id=id: kept_reports.find_page(c, now, id)) for id in ids]
            assert [each is not None for each in kept] == [False] * 2 + [True] * kept_reports.KEPT

    asyncio.run(run())
    for wrong in ([], {}, {"checks": []}, {"checks": [], "target": "x"}, {"checks": 1, "target": "x", "summary": {}}):
        with pytest.raises(ReportInvalid):
            kept_reports.summary(wrong)


def test_a_page_that_unpacks_without_end_is_not_shown() -> None:
    bomb = zlib.compress(bytes(kept_reports.UNPACKED + 1))
    with pytest.raises(ValueError, match="longer than any report"):
        kept_reports.unpacked(bomb)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        kept_reports.unpacked(b"no zlib")
