"""Sessions open for their cookie and their time only; each permission is given to exactly those it names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select

from gateway.people import links, sessions
from gateway.people.sessions import Session
from gateway.tables import metadata


@contextmanager
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def launch(**members: Any) -> Session:
    return sessions.of_launch(
        **{"now": 0.0, "launch_id": "l1", "ehr": "spec", "patient": "p1", "fhir_user": "Practitioner/d1", **members}
    )


def test_a_session_is_found_by_its_cookie_until_it_ends() -> None:
    with database() as connection:
        sessions.save_session(connection, 0.0, session=launch(), secret="cookie")
        assert sessions.find_session(connection, 1.0, "cookie") == launch()
        assert sessions.find_session(connection, sessions.LIFETIME, "cookie") is None


BOUND = sessions.of_staff(now=0.0, person="u", roles=frozenset({"engineer"}), ehrs=frozenset({"north", "south"}))


def test_bounds_are_kept_and_a_release_that_knows_none_finds_no_role() -> None:
    with database() as connection:
        sessions.save_session(connection, 0.0, session=BOUND, secret="cookie")
        assert sessions.find_session(connection, 1.0, "cookie") == BOUND
        assert connection.execute(select(sessions.sessions.c.roles)).scalar_one() == "[]"
        links.add_link(connection, 0.0, "link", frozenset({"north"}))
        assert links.take_link(connection, 1.0, "link") == {"north"}


def test_staff_sees_and_judges_at_the_ehrs_that_it_is_bound_to() -> None:
    judge = replace(BOUND, roles=frozenset({"informatics"}))
    for ehr, may in (("north", True), ("east", False), ("", False)):
        assert (sessions.sees(ehr=ehr, patient="p1")(judge) is not None) == may
        assert (sessions.judges(ehr=ehr, patient="p1")(judge) is not None) == may
        assert (sessions.require("informatics", ehr=ehr)(judge) is not None) == may
    assert sessions.require("engineer", ehr="north")(judge) is None


def test_a_launch_beside_a_bound_session_widens_no_list_and_no_role() -> None:
    both = replace(launch(), beside=(BOUND,))
    assert sessions.bounds(both, "engineer") == both.bound_to == {"north", "south"}
    assert sessions.require("engineer", ehr="spec")(both) is None
    assert sessions.sees(ehr="spec", patient="p1")(both) is not None
    assert [sessions.beyond(both, ehr) for ehr in ("spec", "north", "east")] == [False, False, True]


def test_several_bounds_are_one_and_none_is_every_ehr() -> None:
    other = replace(BOUND, ehrs=frozenset({"east"}))
    assert sessions.bounds(replace(BOUND, beside=(other,)), "engineer") == {"north", "south", "east"}
    everywhere = replace(BOUND, beside=(replace(BOUND, ehrs=frozenset()),))
    assert sessions.bounds(everywhere, "engineer") == everywhere.bound_to == frozenset()
    assert launch().bound_to == frozenset()
    assert replace(BOUND, roles=frozenset({"clinician"})).bound_to == {"north", "south"}
    assert not sessions.beyond(launch(), "elsewhere")


def test_who_lacks_the_role_has_no_bounds_rather_than_all() -> None:
    with pytest.raises(ValueError, match="no session has the role"):
        sessions.bounds(BOUND, "informatics")


@pytest.mark.parametrize("cookie", [None, "", "cookies", "COOKIE", "' OR 1=1"])
def test_no_other_cookie_opens_it(cookie: str | None) -> None:
    with database() as connection:
        sessions.save_session(connection, 0.0, session=launch(), secret="cookie")
        assert sessions.find_session(connection, 1.0, cookie) is None


def test_only_the_hash_of_a_cookie_is_kept_and_the_hash_opens_nothing() -> None:
    with database() as connection:
        sessions.save_session(connection, 0.0, session=launch(), secret="cookie")
        row = connection.execute(select(sessions.sessions)).one()
        assert "cookie" not in tuple(row)
        assert sessions.find_session(connection, 1.0, row.hash) is None


def test_after_logout_the_cookie_opens_nothing() -> None:
    with database() as connection:
        sessions.save_session(connection, 0.0, session=launch(), secret="cookie")
        sessions.end_shown(connection, 1.0, cookies=["other"])
        assert sessions.find_session(connection, 2.0, "cookie") is not None
        sessions.end_shown(connection, 3.0, cookies=["cookie"])
        assert sessions.find_session(connection, 4.0, "cookie") is None


def test_a_link_works_once() -> None:
    with database() as connection:
        links.add_link(connection, 0.0, "link")
        assert links.take_link(connection, 1.0, "link") == frozenset()
        assert links.take_link(connection, 2.0, "link") is None


def test_a_link_does_not_work_late_nor_does_another() -> None:
    with database() as connection:
        links.add_link(connection, 0.0, "link")
        assert links.take_link(connection, 1.0, "lin") is None
        assert links.take_link(connection, 600.0, "link") is None


@pytest.mark.parametrize("user", ["Practitioner/d1", "PractitionerRole/d1"])
def test_a_practitioners_launch_makes_a_clinician(user: str) -> None:
    assert launch(fhir_user=user).roles == {"clinician"}


@pytest.mark.parametrize(
    "user", [None, "Patient/p1", "RelatedPerson/r1", "Person/x", "PractitionerX/1", "practitioner/1"]
)
def test_any_other_launch_makes_nobody(user: str | None) -> None:
    assert launch(fhir_user=user).roles == frozenset()


def test_the_one_time_link_makes_staff_without_patient_or_identity() -> None:
    staff = sessions.of_link(now=0.0)
    assert (staff.roles, staff.patient, staff.fhir_user) == ({"engineer", "informatics"}, None, None)


def test_a_requirement_returns_the_session_that_meets_it() -> None:
    assert sessions.require("clinician")(launch()) == launch()
    assert sessions.require()(launch(fhir_user=None)) is not None


def test_a_requirement_returns_nothing_for_the_others() -> None:
    assert sessions.require()(None) is None
    assert sessions.require("engineer")(launch()) is None
    assert sessions.require("clinician")(sessions.of_link(now=0.0)) is None


def test_the_practitioner_who_launched_with_this_patient_at_this_ehr_confirms() -> None:
    assert sessions.confirms(ehr="spec", patient="p1")(launch()) is not None


@pytest.mark.parametrize(
    "session",
    [
        None,
        sessions.of_link(now=0.0),
        launch(ehr="other"),
        launch(patient="p2"),
        launch(patient=None),
        launch(fhir_user=None),
        launch(fhir_user="Patient/p1"),
        Session(roles=frozenset({"clinician"}), expires=1.0, ehr="spec", patient="p1", fhir_user="Practitioner/1"),
        Session(
            roles=frozenset({"engineer"}), expires=1.0, launch_id="l1", ehr="spec", patient="p1",
            fhir_user="Practitioner/1",
        ),
    ],
)  # fmt: skip
def test_nobody_else_confirms(session: Session | None) -> None:
    assert sessions.confirms(ehr="spec", patient="p1")(session) is None


def test_staff_and_the_patients_own_launch_see_a_patient() -> None:
    assert sessions.sees(ehr="spec", patient="p1")(launch(fhir_user=None)) is not None
    assert sessions.sees(ehr="spec", patient="p1")(sessions.of_link(now=0.0)) is not None


@pytest.mark.parametrize("session", [None, launch(patient="p2"), launch(ehr="other"), launch(patient=None)])
def test_no_other_session_sees_the_patient(session: Session | None) -> None:
    assert sessions.sees(ehr="spec", patient="p1")(session) is None


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://localhost:8700"}, {"origin": "http://localhost:8700", "sec-fetch-site": "same-origin"}],
)
def test_a_request_of_our_own_pages_is_known_by_its_origin(headers: dict[str, str]) -> None:
    assert sessions.same_origin(headers, base_url="http://localhost:8700")


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"origin": "null"}, {"origin": "http://127.0.0.1:8700"}, {"origin": "http://localhost:8701"},
        {"origin": "http://localhost:8700", "sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:8700", "sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_a_request_from_anywhere_else_is_not_ours(headers: dict[str, str]) -> None:
    assert not sessions.same_origin(headers, base_url="http://localhost:8700")


def test_a_cookie_survives_the_ehrs_frame_and_is_out_of_reach_for_scripts() -> None:
    header = sessions.cookie_header("c", "v", max_age=5)
    assert header == "c=v; Max-Age=5; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def kept(connection: Connection, name: str, at: float, **members: Any) -> str:
    """A launch's session, kept; its cookie value."""
    made = sessions.of_launch(
        now=at, launch_id=name, **{"ehr": "spec", "patient": name, "fhir_user": "Practitioner/d1", **members}
    )
    sessions.save_session(connection, at, session=made, secret=f"cookie-{name}")
    return f"cookie-{name}"


def test_two_tabs_with_two_patients_each_have_their_own_session() -> None:
    with database() as connection:
        shown = [kept(connection, "l1", 0.0), kept(connection, "l2", 1.0)]
        for launch in ("l1", "l2"):
            front = sessions.find_shown(connection, 2.0, cookies=shown, launch=launch)
            assert front is not None
            assert (front.patient, [each.patient for each in front.beside]) == (
                launch,
                [{"l1": "l2", "l2": "l1"}[launch]],
            )
            for patient in ("l1", "l2"):
                decider = sessions.confirms(ehr="spec", patient=patient)(front)
                assert decider is not None
                assert decider.launch_id == patient
        newest = sessions.find_shown(connection, 2.0, cookies=shown)
        assert newest is not None
        assert newest.launch_id == "l2"


def test_a_launch_whose_session_is_gone_is_not_shown_another_ones_patient() -> None:
    with database() as connection:
        shown = [kept(connection, "l1", 0.0), kept(connection, "l2", 1.0)]
        sessions.end_shown(connection, 2.0, cookies=shown[:1])
        assert sessions.find_shown(connection, 3.0, cookies=shown, launch="l1") is None
        assert sessions.confirms(ehr="spec", patient="l1")(sessions.find_shown(connection, 3.0, cookies=shown)) is None


def test_another_person_at_the_same_ehr_ends_the_sessions_of_the_one_before() -> None:
    with database() as connection:
        shown = [kept(connection, "l1", 0.0), kept(connection, "l2", 1.0, ehr="other"), kept(connection, "l3", 2.0)]
        new = sessions.of_launch(now=3.0, launch_id="l4", ehr="spec", patient="p", fhir_user="Practitioner/d2")
        assert set(sessions.supersede(connection, 3.0, cookies=shown, new=new)) == {"l1", "l3"}
        left = sessions.find_shown(connection, 4.0, cookies=shown)
        assert left is not None
        assert (left.launch_id, left.beside) == ("l2", ())


def test_of_many_launches_of_one_browser_the_oldest_ends() -> None:
    with database() as connection:
        shown = [kept(connection, f"l{number:02}", float(number)) for number in range(sessions.SIDE_BY_SIDE)]
        new = sessions.of_launch(now=99.0, launch_id="new", ehr="spec", patient="p", fhir_user="Practitioner/d1")
        assert sessions.supersede(connection, 99.0, cookies=shown, new=new) == ["l00"]


def test_a_cookie_is_named_after_its_launch_and_says_nothing_of_it() -> None:
    name = sessions.session_cookie("l1")
    assert name.startswith("__Host-")
    assert name != sessions.session_cookie("l2")
    headers = [(b"cookie", f"a=b; {name}=x; chartgate_session=y".encode()), (b"cookie", b"other=z")]
    assert sessions.shown_cookies(headers) == [(name, "x"), ("chartgate_session", "y")]
