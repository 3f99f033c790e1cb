"""The small values of a run: scopes, what was made, login scripts, registered keys."""

from pathlib import Path

import pytest

from conformance import CannotRun
from conformance.client import alone
from conformance.doors import load_script
from conformance.evidence import Exchange
from conformance.scope_words import covers, of_fhir
from conformance.signing import new_signer, read_signer
from conformance.written import made, registered, taken_away

BASE = "http://ehr.example/fhir"


@pytest.mark.parametrize(
    ("granted", "asked", "covered"),
    [
        ("patient/*.cruds", "patient/Observation.rs", True),
        ("patient/Observation.read", "patient/Observation.rs", True),
        ("patient/Observation.rs", "patient/Observation.r", True),
        ("patient/Observation.rs", "patient/Observation.cruds", False),
        ("patient/Observation.rs?category=a", "patient/Observation.rs", False),
        ("patient/Observation.rs", "patient/Observation.rs?category=a", True),
        ("user/*.cruds", "patient/Observation.r", False),
        ("openid", "openid", True),
        ("", "patient/Observation.r", False),
    ],
)
def test_a_granted_scope_covers_what_it_reaches(granted: str, asked: str, covered: bool) -> None:
    assert covers(granted, asked) is covered


def test_scopes_of_fhir_are_told_from_others_and_a_standalone_launch_asks_for_its_patient() -> None:
    assert of_fhir("launch openid patient/*.rs system/Patient.r online_access") == ["patient/*.rs", "system/Patient.r"]
    assert alone("launch openid launch/patient") == "launch/patient openid"
    assert alone("openid") == "openid"


def exchange(**changes: object) -> Exchange:
    return Exchange(**{"method": "POST", "url": f"{BASE}/Observation", "status": 201, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "addresses"),
    [
        (exchange(headers={"location": f"{BASE}/Observation/1/_history/1"}), [f"{BASE}/Observation/1"]),
        (exchange(headers={"location": "Observation/1"}), [f"{BASE}/Observation/1"]),
        (exchange(method="PUT", url=f"{BASE}/Basic/2"), [f"{BASE}/Basic/2"]),
        (exchange(headers={"location": "http://elsewhere.example/x/Observation/1"}), []),
        (exchange(status=200, headers={"location": f"{BASE}/Observation/1"}), []),
        (exchange(url="http://ehr.example/register", headers={"location": f"{BASE}/Observation/1"}), []),
        (exchange(status=200, url=BASE, body=b'{"entry":[{"response":{"status":"201 Created","location":"Observation/7/_history/1"}},{"response":{"status":"200"}}]}'), [f"{BASE}/Observation/7"]),
        (exchange(incoming=True, headers={"location": f"{BASE}/Observation/1"}), []),
    ],
)  # fmt: skip
def test_what_was_made_is_read_from_the_answer(seen: Exchange, addresses: list[str]) -> None:
    assert list(made(BASE, seen)) == addresses


def test_what_was_taken_away_and_who_was_registered_is_read_too() -> None:
    assert taken_away(BASE, exchange(method="DELETE", status=204, url=f"{BASE}/Basic/1")) == f"{BASE}/Basic/1"
    assert taken_away(BASE, exchange(method="DELETE", status=403, url=f"{BASE}/Basic/1")) is None
    body = b'{"registration_client_uri":"http://ehr.example/c/1","registration_access_token":"t"}'
    assert registered(exchange(body=body)) == ("http://ehr.example/c/1", "t")
    assert registered(exchange(status=400, body=body)) is None


def test_a_login_script_is_steps_with_values_from_the_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "login.toml"
    file.write_text(
        '[[step]]\nfill = "#u"\nenv = "USER_NAME"\n[[step]]\nselect = "#p"\nwith = "1"\noptional = true\n[[step]]\nclick = "button"\n'
    )
    steps = load_script(file, {"USER_NAME": "ada"})
    assert [(each.does, each.selector, each.value, each.optional) for each in steps] == [
        ("fill", "#u", "ada", False), ("select", "#p", "1", True), ("click", "button", "", False)]  # fmt: skip
    assert "ada" not in repr(steps)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "step"), ("a = 1", "step"), ("[[step]]\n", "step 1 needs one of"), ('[[step]]\nclick="a"\nfill="b"', "step 1 needs one of"),
        ('[[step]]\nfill="a"', "step 1: fill and select need"), ('[[step]]\nclick="a"\nwith="b"', "the others neither"),
        ('[[step]]\nclick="a"\n[[step]]\nfill="a"\nenv="UNSET"', "step 2: the environment"), ("[", "TOML"),
    ],
)  # fmt: skip
def test_a_login_script_that_is_wrong_names_the_step(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "login.toml").write_text(text)
    with pytest.raises(CannotRun, match=says):
        load_script(tmp_path / "login.toml", {})


def test_a_registered_key_is_private_and_of_a_kind_that_smart_names() -> None:
    private = new_signer().key.as_dict(private=True)
    assert read_signer(private).algorithm == "ES384"
    for wrong in (new_signer().key.as_dict(private=False), {"kty": "oct", "k": "x"}, {}, {**private, "crv": "P-256"}):
        with pytest.raises(ValueError, match=r"no key|not private"):
            read_signer(wrong)
