"""An id_token is believed when every rule holds, and means nobody when one does not (smart-auth B10)."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from auth.client import identity
from auth.client.ehr import RegisteredEhr
from auth.client.identity import RULES, Identity, NoIdentity
from auth.client.launch import PendingLaunch
from auth.keys import KeySet

NOW = 1_700_000_000.0
FHIR = "https://ehr.example/r4"
RSA = RSAKey.generate_key(2048, {"kid": "k1"})
EC = ECKey.generate_key("P-384", {"kid": "k2"})
STRANGER = RSAKey.generate_key(2048, {"kid": "k1"})
KEYS = KeySet([RSAKey.import_key(RSA.as_dict(private=False)), ECKey.import_key(EC.as_dict(private=False))])
EHR = RegisteredEhr(name="spec", issuer=FHIR, client_id="gateway")
BEGUN = PendingLaunch(
    ehr="spec", state="s", verifier="v", nonce="n1", redirect_uri="http://localhost/c", fhir=FHIR,
    issuer="https://ehr.example", token_endpoint="https://ehr.example/token", jwks_uri="https://ehr.example/jwks",
    iss_advertised=True, asked=("openid", "fhirUser"),
)  # fmt: skip
CLAIMS: dict[str, Any] = {
    "iss": "https://ehr.example", "sub": "s1", "aud": "gateway", "exp": int(NOW) + 300, "iat": int(NOW), "nonce": "n1",
    "fhirUser": f"{FHIR}/Practitioner/d1",
}  # fmt: skip


def token(key: Any = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value != "ABSENT"}
    head = {"alg": "RS256", "kid": "k1", **(header or {})}
    head = {name: value for name, value in head.items() if value != "ABSENT"}
    return jws.serialize_compact(head, json.dumps(said), key, algorithms=[head["alg"]])


def read(id_token: str, keys: KeySet = KEYS, now: float = NOW) -> Identity | NoIdentity:
    return identity.read(id_token, BEGUN, EHR, access="at", keys=keys, now=now)


def broken(id_token: str, keys: KeySet = KEYS) -> str:
    found = read(id_token, keys)
    assert isinstance(found, NoIdentity)
    return found.reason


def test_a_token_that_holds_up_says_who_signed_in() -> None:
    assert read(token()) == Identity(subject="s1", fhir_user="Practitioner/d1")


@pytest.mark.parametrize(
    ("key", "header"),
    [(RSA, {"alg": "RS256"}), (RSA, {"alg": "RS384"}), (EC, {"alg": "ES384", "kid": "k2"}), (RSA, {"kid": "ABSENT"})],
)
def test_any_pair_of_keys_may_sign(key: Any, header: dict[str, Any]) -> None:
    assert isinstance(read(token(key, header)), Identity)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["gateway"]}, {"aud": ["gateway", "other"], "azp": "gateway"}, {"azp": "gateway"},
        {"exp": int(NOW) - 29}, {"iat": int(NOW) + 29}, {"at_hash": identity.half_hash("at", "RS256")},
        {"exp": NOW + 300.5},
    ],
)  # fmt: skip
def test_claims_within_the_rules_hold(claims: dict[str, Any]) -> None:
    assert isinstance(read(token(**claims)), Identity)


@pytest.mark.parametrize(
    ("rule", "claims"),
    [
        ("iss", {"iss": "https://evil.example"}), ("iss", {"iss": "https://ehr.example/"}), ("iss", {"iss": "ABSENT"}),
        ("iss", {"iss": ["https://ehr.example"]}), ("iss", {"iss": None}),
        ("aud", {"aud": "other"}), ("aud", {"aud": ["other"]}), ("aud", {"aud": "ABSENT"}), ("aud", {"aud": {}}),
        ("aud", {"aud": "gateway gateway"}), ("aud", {"aud": "other", "azp": "gateway"}),
        ("azp", {"aud": ["gateway", "other"]}), ("azp", {"azp": "other"}), ("azp", {"azp": None}),
        ("exp", {"exp": int(NOW) - 30}), ("exp", {"exp": "ABSENT"}), ("exp", {"exp": "9999999999"}),
        ("exp", {"exp": True}), ("exp", {"exp": None}), ("exp", {"exp": [9999999999]}),
        ("iat", {"iat": int(NOW) + 31}), ("iat", {"iat": "ABSENT"}), ("nbf", {"nbf": int(NOW) + 31}),
        ("nonce", {"nonce": "n2"}), ("nonce", {"nonce": "ABSENT"}), ("nonce", {"nonce": None}),
        ("sub", {"sub": "a\0b"}), ("sub", {"sub": "a\nb"}),
        ("at_hash", {"at_hash": identity.half_hash("another", "RS256")}), ("at_hash", {"at_hash": ""}),
        ("sub", {"sub": ""}), ("sub", {"sub": "ABSENT"}), ("sub", {"sub": 1}), ("sub", {"sub": "x" * 256}),
    ],
)  # fmt: skip
def test_a_claim_outside_the_rules_means_nobody(rule: str, claims: dict[str, Any]) -> None:
    assert broken(token(**claims)) == rule


def test_every_rule_of_the_table_is_broken_by_a_test() -> None:
    marks = test_a_claim_outside_the_rules_means_nobody.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {rule for rule, _ in marks} == set(RULES)


def _encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def _head_and_claims(alg: str) -> str:
    return f"{_encoded(json.dumps({'alg': alg, 'kid': 'k1'}).encode())}.{_encoded(json.dumps(CLAIMS).encode())}"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256"])
def test_an_unsigned_token_means_nobody(alg: str) -> None:
    assert broken(f"{_head_and_claims(alg)}.") == "alg"


def test_a_token_signed_with_the_public_key_as_a_secret_means_nobody() -> None:
    signing = _head_and_claims("HS256")
    for secret in (RSA.as_pem(private=False), json.dumps(RSA.as_dict(private=False)).encode()):
        signature = hmac.digest(secret, signing.encode(), "sha256")
        assert broken(f"{signing}.{_encoded(signature)}") == "alg"


def test_a_secret_in_the_key_set_signs_nothing() -> None:
    secret = OctKey.import_key(b"s" * 32, {"kid": "k1"})
    head = {"alg": "HS256", "kid": "k1"}
    assert (
        broken(jws.serialize_compact(head, json.dumps(CLAIMS), secret, algorithms=["HS256"]), KeySet([secret])) == "alg"
    )


def test_a_signature_of_another_key_means_nobody() -> None:
    assert broken(token(STRANGER)) == "signature"


def test_a_key_brought_along_in_the_token_is_not_looked_at() -> None:
    assert broken(token(STRANGER, {"jwk": STRANGER.as_dict(private=False)})) == "signature"


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = token().split(".")
    other = urlsafe_b64encode(json.dumps({**CLAIMS, "fhirUser": "Practitioner/d2"}).encode()).decode().rstrip("=")
    assert broken(f"{head}.{other}.{signature}") == "signature"


@pytest.mark.parametrize("kid", ["unknown", "k2", 1, None, ["k1"]])
def test_a_key_id_that_names_no_fitting_key_means_nobody(kid: Any) -> None:
    signed = token()
    head = urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).decode().rstrip("=")
    assert broken(f"{head}.{signed.partition('.')[2]}") == "kid"


def test_two_keys_of_one_id_sign_nothing() -> None:
    assert broken(token(), KeySet([RSA, STRANGER])) == "kid"


def test_a_token_without_key_id_is_not_tried_against_several_keys() -> None:
    other = RSAKey.generate_key(2048, {"kid": "k3"})
    assert broken(token(header={"kid": "ABSENT"}), KeySet([RSA, other])) == "kid"


def test_a_key_for_encryption_signs_nothing() -> None:
    encryption = RSAKey.import_key(RSA.as_dict(private=True), {"kid": "k1", "use": "enc"})
    assert broken(token(), KeySet([encryption])) == "kid"


def test_an_unknown_critical_header_means_nobody() -> None:
    signed = token()
    head = urlsafe_b64encode(b'{"alg":"RS256","kid":"k1","crit":["exp"]}').decode().rstrip("=")
    assert broken(f"{head}.{signed.partition('.')[2]}") == "signature"


def test_an_encrypted_token_means_nobody() -> None:
    key = OctKey.generate_key(256)
    assert broken(jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(CLAIMS), key)) == "alg"


@pytest.mark.parametrize("said", [b"[]", b"null", b'{"iss": NaN}', b"{", b'{"sub": "a", "sub": "b"}', b"\xff", b""])
def test_a_signed_payload_that_is_no_object_means_nobody(said: bytes) -> None:
    signed = jws.serialize_compact({"alg": "RS256", "kid": "k1"}, said, RSA)
    assert broken(signed) in ("signature", "claims")


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b.c", "é.é.é", "\x00", "a" * 100_000, "eyJ9.e30.", "[].{}.x"]
)
def test_what_is_no_token_means_nobody_and_has_no_key_id(text: str) -> None:
    assert isinstance(read(text), NoIdentity)
    assert identity.key_id(text) is None


def test_the_key_id_of_a_token_is_read_before_its_signature() -> None:
    assert identity.key_id(token()) == "k1"


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("Practitioner/d1", "Practitioner/d1"), (f"{FHIR}/PractitionerRole/r-1.a", "PractitionerRole/r-1.a"),
        ("Patient/p1", "Patient/p1"), ("RelatedPerson/1", "RelatedPerson/1"), ("Person/1", "Person/1"),
    ],
)  # fmt: skip
def test_a_user_of_this_ehr_is_known_by_type_and_id(claim: str, expected: str) -> None:
    assert identity.fhir_user(claim, fhir=FHIR) == expected


@pytest.mark.parametrize(
    "claim",
    [
        None, 1, "", "Device/1", "practitioner/1", "Practitioner", "Practitioner/", "Practitioner/..",
        "Practitioner/a/b",
        "https://evil.example/r4/Practitioner/d1", "https://ehr.example/r4x/Practitioner/d1", "/Practitioner/1",
        f"{FHIR}/../Practitioner/1", "Practitioner/1\n", "Practitioner/1/_history/2", ["Practitioner/1"],
    ],
)  # fmt: skip
def test_a_user_of_anywhere_else_is_nobody(claim: Any) -> None:
    assert identity.fhir_user(claim, fhir=FHIR) is None
