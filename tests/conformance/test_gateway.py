"""Our own app face is what an EHR may ask of an app; and every check of the suite ``gateway`` fails when the app does otherwise."""

import pytest

from conformance.check import judge
from conformance.run import Report
from conformance.suites import gateway
from tests.conformance.app_world import judged_app
from tests.conformance.changes import CHANGES, changed

CHECKS = {item.id: item for item in gateway.SUITE.checks}


@pytest.fixture(scope="module")
def clean() -> Report:
    return judged_app()


def test_our_app_face_passes_every_check(clean: Report) -> None:
    """Our gateway signs, writes no scope as a URI and reads no user: three checks have nothing to look at."""
    left = {item.id: item.why for item in clean.checks if item.result != "pass"}
    assert left == {
        "the_secret_is_the_registered_one": "not offered", "scopes_as_addresses_have_their_prefix": "not offered",
        "the_user_is_read_where_fhir_user_says": "not offered", "an_identity_by_a_new_key_is_taken": "slow",
    }  # fmt: skip
    assert clean.stopped == ()


def test_every_check_has_its_change() -> None:
    assert CHANGES.keys() == {item.id for item in CHECKS.values() if not item.slow}


@pytest.mark.parametrize("id", CHANGES)
def test_the_smallest_change_makes_the_check_fail(clean: Report, id: str) -> None:
    assert judge(CHECKS[id], "gateway", changed(clean.evidence, CHANGES[id])).result == "fail"
