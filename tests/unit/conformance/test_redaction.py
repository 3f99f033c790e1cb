"""What a report must not show gives way to a name, the same one everywhere; what it may show stays."""

import json

import pytest

from conformance.curl import answer, command, quoted
from conformance.evidence import Exchange
from conformance.redaction import redaction_of

TOKEN = "eyJ0.a-token-of-some-length"
PATIENT = {
    "resourceType": "Patient",
    "id": "pt-4711-abcdef",
    "name": [{"family": "Okonkwo", "given": ["Amara"]}],
    "birthDate": "1961-02-03",
}


def told(**changes: object) -> Exchange:
    said = {"method": "GET", "url": "http://ehr.example/fhir/Patient/pt-4711-abcdef", "status": 200,
            "body": json.dumps(PATIENT).encode(), "sent": {"authorization": f"Bearer {TOKEN}"}}  # fmt: skip
    return Exchange(**{**said, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("exchange", "secret"),
    [
        (told(), TOKEN),
        (told(), "pt-4711-abcdef"),
        (told(), "Okonkwo"),
        (told(), "1961-02-03"),
        (told(url=f"http://ehr.example/fhir/Patient?access_token={TOKEN}", sent={}), TOKEN),
        (told(body=b'{"access_token":"given-by-the-answer"}'), "given-by-the-answer"),
        (told(headers={"location": "http://app/cb?code=a-code-of-some-length"}), "a-code-of-some-length"),
        (told(headers={"location": "http://app/cb#access_token=in-the-fragment"}), "in-the-fragment"),
        (told(headers={"set-cookie": "sid=cookie-value-1; HttpOnly"}), "cookie-value-1"),
        (told(sent={"cookie": "sid=cookie-value-2"}), "cookie-value-2"),
        (told(sent={"authorization": "Basic aWQ6c2VjcmV0"}), "aWQ6c2VjcmV0"),
        (told(sent={"content-type": "application/x-www-form-urlencoded"}, content=b"client_secret=short&x=1"), "short"),
        (told(body=b'{"keys":[{"kty":"RSA","n":"public","d":"private-exponent"}]}'), "private-exponent"),
        (told(body=b'{"patients":[{"id":"p1","name":"Ada Quux"}]}'), "Ada Quux"),
        (told(body=b'{"registration_access_token":"reg-token"}'), "reg-token"),
    ],
)  # fmt: skip
def test_what_opens_something_or_says_something_of_a_person_is_hidden(exchange: Exchange, secret: str) -> None:
    veil = redaction_of([exchange])
    said = veil.text(f"it holds {secret} and Patient/{secret}")
    assert secret not in said
    assert said.startswith("it holds $")
    assert secret not in veil.text(command(exchange))
    assert secret not in veil.text(answer(exchange))


def test_the_same_value_has_the_same_name_and_another_another() -> None:
    other = told(sent={"authorization": "Bearer another-token-altogether"})
    veil = redaction_of([told(), other])
    assert veil.text(f"{TOKEN} another-token-altogether {TOKEN}") == "$ACCESS_TOKEN_1 $ACCESS_TOKEN_2 $ACCESS_TOKEN_1"


def test_what_is_no_secret_stays() -> None:
    exchange = told(sent={"authorization": "Bearer garbage"}, body=b'{"resourceType":"Observation","id":"1"}')
    veil = redaction_of([exchange])
    assert veil.text("answered 1 to garbage, Observation/1 and Observation/12") == (
        "answered 1 to garbage, Observation/$OBSERVATION_1 and Observation/12"
    )
    assert redaction_of([told()]).text("Okonkwos are many") == "Okonkwos are many"


def test_a_word_of_a_letter_is_no_secret_that_is_cut_out_of_every_other_word() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    veil = redaction_of([told(sent=form, content=b"username=a&password=b&client_secret=xyz")])
    assert veil.text("a backend says xyz") == "a backend says xyz"
    assert veil.text("--data 'client_secret=xyz'") == "--data 'client_secret=$SECRET'"


def test_a_value_is_hidden_in_an_address_as_well() -> None:
    exchange = told(body=b'{"access_token":"with/slash+and=sign"}')
    veil = redaction_of([told()])
    assert veil.text("a=x%7Cpt-4711-abcdef&name=Mr%20Okonkwo") == "a=x%7C$PATIENT_1&name=Mr%20$PERSON_3"
    assert "slash" not in redaction_of([exchange]).text("http://x/?token=with%2Fslash%2Band%3Dsign")


def test_a_command_repeats_the_request_with_names_for_the_shell_to_fill_in() -> None:
    sent = {"host": "x", "content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    exchange = told(
        method="POST", url="http://ehr.example/token", sent=sent, content=b"grant_type=a+b&code=it%27s-a-long-code"
    )
    said = quoted(redaction_of([exchange]).text(command(exchange)))
    assert said == (
        "curl -i 'http://ehr.example/token' \\\n  -H 'content-type: application/x-www-form-urlencoded' \\\n"
        "  -H 'accept: application/json' \\\n  --data-urlencode 'grant_type=a b' \\\n"
        "  --data-urlencode 'code='\"$CODE_1\"''"
    )


def test_a_method_that_curl_would_not_take_by_itself_is_said_and_a_large_body_is_named() -> None:
    assert command(told(method="DELETE", sent={})).startswith("curl -i -X DELETE '")
    assert "--data-binary @body  # 3000 bytes" in command(told(method="PUT", content=b"x" * 3000))


def test_an_answer_about_a_person_is_an_outline_and_one_about_the_request_is_whole() -> None:
    said = answer(told(headers={"etag": 'W/"3"', "x-other": "no"}))
    assert 'etag: W/"3"' in said
    assert "x-other" not in said
    assert '"resourceType": "Patient"' in said
    assert "Amara" not in said
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "diagnostics": "subject is missing"}],
    }
    assert "subject is missing" in answer(told(status=422, body=json.dumps(outcome).encode()))
    assert "(4 bytes of text/plain)" in answer(
        told(body=b"nope", headers={"content-type": "text/plain; charset=utf-8"})
    )
