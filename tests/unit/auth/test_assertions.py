"""Client assertions row by row (smart-auth.md §3.4 B03; SMART App Launch 2.2 client-confidential-asymmetric; RFC 8725)."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from auth import assertions
from auth.assertions import AssertionRefused
from auth.keys import KeySet, SigningKeys, parse_key_set

KEYS, FOREIGN = SigningKeys.generate(), SigningKeys.generate()
PUBLISHED = parse_key_set(KEYS.jwks("RS384", "ES384"))
NOW = 1_800_000_000.0
TOKEN = "https://ehr.example/auth/token"
JKU = "https://app.example/jwks.json"


def claims(**changed: Any) -> dict[str, Any]:
    said = {"iss": "app", "sub": "app", "aud": TOKEN, "exp": int(NOW) + 300, "iat": int(NOW), "jti": "j1", **changed}
    return {name: value for name, value in said.items() if value is not ...}


def signed(said: Any = None, *, key: Any = None, algorithm: str = "ES384", **header: Any) -> str:
    key = key or KEYS.key(algorithm)  # type: ignore[arg-type]
    head = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **header}
    head = {name: value for name, value in head.items() if value is not ...}
    if said is None or isinstance(said, dict):
        return raw(head, json.dumps(claims() if said is None else said), key, algorithm)
    return raw(head, said, key, algorithm)


def raw(header: dict[str, Any], payload: str, key: Any, algorithm: str) -> str:
    """A JWS made by hand around joserfc's signing, so that wrong headers and payloads can be made."""
    from joserfc.jws import JWSRegistry

    parts = [urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in (json.dumps(header), payload)]
    model = JWSRegistry.algorithms[algorithm]
    signature = model.sign(".".join(parts).encode(), key)
    return ".".join([*parts, urlsafe_b64encode(signature).decode().rstrip("=")])


def verify(assertion: str, keys: KeySet = PUBLISHED, **options: Any) -> assertions.Assertion:
    return assertions.verify(assertion, keys, **{"client_id": "app", "audience": TOKEN, "now": NOW, **options})


def refused(assertion: str, keys: KeySet = PUBLISHED, **options: Any) -> bool:
    try:
        verify(assertion, keys, **options)
    except AssertionRefused:
        return True
    return False


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_good_assertion_of_either_algorithm_holds(algorithm: str) -> None:
    found = verify(signed(algorithm=algorithm))
    assert (found.client_id, found.jti, found.expires) == ("app", "j1", NOW + 300 + assertions.SKEW)


def test_what_we_build_holds() -> None:
    assert verify(assertions.build("app", TOKEN, KEYS.key("ES384"), now=NOW, jti="j2")).jti == "j2"


CLAIMS: dict[str, dict[str, Any]] = {
    "no jti": {"jti": ...},
    "jti empty": {"jti": ""},
    "jti a number": {"jti": 7},
    "jti without end": {"jti": "j" * 257},
    "iss is not the client": {"iss": "other"},
    "sub is not the client": {"sub": "other"},
    "iss and sub agree on another": {"iss": "other", "sub": "other"},
    "no iss": {"iss": ...},
    "no sub": {"sub": ...},
    "no aud": {"aud": ...},
    "aud is the FHIR base": {"aud": "https://ehr.example/fhir"},
    "aud is the issuer": {"aud": "https://ehr.example"},
    "aud is another server": {"aud": "https://other.example/auth/token"},
    "aud has a slash more": {"aud": f"{TOKEN}/"},
    "aud lists another server too": {"aud": [TOKEN, "https://other.example/auth/token"]},
    "aud lists nothing": {"aud": []},
    "no exp": {"exp": ...},
    "exp too far": {"exp": int(NOW) + 331},
    "exp a year ahead": {"exp": int(NOW) + 31_536_000},
    "exp past": {"exp": int(NOW) - 31},
    "exp as text": {"exp": str(int(NOW) + 100)},
    "exp true": {"exp": True},
    "exp null": {"exp": None},
    "exp negative": {"exp": -1},
    "exp as list": {"exp": [int(NOW) + 100]},
    "iat in the future": {"iat": int(NOW) + 31},
    "iat as text": {"iat": "now"},
    "nbf in the future": {"nbf": int(NOW) + 31},
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_claims_that_prove_nothing_are_refused(change: dict[str, Any]) -> None:
    assert not refused(signed(claims()))
    assert refused(signed(claims(**change)))


@pytest.mark.parametrize(
    "payload",
    ['{"exp": NaN}', '{"exp": 1e999999}', "[]", '"text"', "", "{", '{"iss": "app", "iss": "app"}', "[" * 5000],
)
def test_a_payload_that_is_no_object_of_claims_is_refused(payload: str) -> None:
    assert refused(signed(payload))


def test_numbers_that_are_no_times_are_refused() -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "9" * 400):
        assert refused(signed(json.dumps(claims()).replace(str(int(NOW) + 300), number)))


HEADERS: dict[str, dict[str, Any]] = {
    "no kid": {"kid": ...},
    "kid of nobody": {"kid": "unknown"},
    "kid as number": {"kid": 1},
    "kid of a key of another kind": {"kid": KEYS.key("RS384").kid},
    "no typ": {"typ": ...},
    "typ of an access token": {"typ": "at+jwt"},
    "crit that nobody knows": {"crit": ["b64"], "b64": False},
    "its own key": {"jwk": FOREIGN.jwks("ES384")["keys"][0]},
    "a certificate": {"x5c": ["MIIB"]},
    "a certificate elsewhere": {"x5u": "https://evil.example/cert"},
    "a key set elsewhere": {"jku": "https://evil.example/jwks.json"},
    "alg none": {"alg": "none"},
    "alg in lower case": {"alg": "es384"},
    "alg missing": {"alg": ...},
    "alg of the same family": {"alg": "ES256"},
    "alg as list": {"alg": ["ES384"]},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_headers_that_choose_the_key_or_the_algorithm_are_refused(change: dict[str, Any]) -> None:
    assert not refused(signed())
    assert refused(signed(**change))


def test_the_registered_key_set_address_and_no_other_may_be_named() -> None:
    assert not refused(signed(jku=JKU), jku=JKU)
    assert refused(signed(jku=JKU), jku=None)
    assert refused(signed(jku=f"{JKU}?x"), jku=JKU)


def test_a_long_registered_address_fits() -> None:
    long = f"https://app.example/{'p' * 600}"
    assert not refused(signed(jku=long), jku=long)


def test_a_signature_of_another_key_or_over_other_claims_is_refused() -> None:
    foreign = FOREIGN.key("ES384").as_dict(private=True) | {"kid": KEYS.key("ES384").kid}
    assert refused(signed(key=ECKey.import_key(foreign)))
    head, payload, signature = signed().split(".")
    other = urlsafe_b64encode(json.dumps(claims(jti="j2")).encode()).decode().rstrip("=")
    assert refused(f"{head}.{other}.{signature}")
    assert refused(f"{head}.{payload}.")
    assert refused(f"{head}.{payload}.AAAA")


def test_a_public_key_is_no_shared_secret() -> None:
    """alg HS256 with the public key as secret (RFC 8725 §2.1)."""
    for secret in (KEYS.key("RS384").as_pem(private=False), json.dumps(KEYS.jwks("RS384")["keys"][0]).encode()):
        header = json.dumps({"alg": "HS256", "kid": KEYS.key("RS384").kid, "typ": "JWT"})
        parts = [urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, json.dumps(claims()))]
        mac = hmac.digest(secret, ".".join(parts).encode(), "sha256")
        assert refused(".".join([*parts, urlsafe_b64encode(mac).decode().rstrip("=")]))


def test_a_kid_that_two_keys_have_names_none() -> None:
    first, second = KEYS.jwks("ES384")["keys"][0], FOREIGN.jwks("ES384")["keys"][0] | {"kid": KEYS.key("ES384").kid}
    assert refused(signed(), parse_key_set({"keys": [first, second]}))
    assert not refused(signed(), parse_key_set({"keys": [first]}))


def test_a_kid_that_keys_of_two_kinds_have_names_the_one_of_the_right_kind() -> None:
    first, other = KEYS.jwks("ES384")["keys"][0], KEYS.jwks("RS384")["keys"][0] | {"kid": KEYS.key("ES384").kid}
    assert not refused(signed(), parse_key_set({"keys": [other, first]}))


def test_a_key_for_encryption_of_another_curve_or_too_short_signs_nothing() -> None:
    usual = KEYS.jwks("ES384")["keys"][0]
    assert refused(signed(), parse_key_set({"keys": [usual | {"use": "enc"}]}))
    p256 = ECKey.generate_key("P-256", {"kid": "p"})
    assert refused(
        raw({"alg": "ES384", "kid": "p", "typ": "JWT"}, json.dumps(claims()), KEYS.key("ES384"), "ES384"),
        KeySet([p256]),
    )
    with pytest.warns():
        short = RSAKey.generate_key(1024, {"kid": "s"})
    assert refused(signed(key=short, algorithm="RS384"), parse_key_set({"keys": [short.as_dict(private=False)]}))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "A" * 1_000_000, "A" * 8000 + "." + "B" * 8000 + ".C"]
)
def test_what_is_no_signed_token_is_refused_at_once(text: str) -> None:
    assert refused(text)
    assert assertions.claimed_client(text) is None


def test_every_part_in_whatever_disorder_is_refused_and_never_an_error() -> None:
    good = signed()
    for place in range(0, len(good), 7):
        for letter in "A._-=\x00é":
            broken = good[:place] + letter + good[place + 1 :]
            if broken != good:
                assert refused(broken), place


@pytest.mark.parametrize(("kid", "found"), [("a", "a"), ("", ""), (7, None), (..., None)])
def test_the_key_that_an_assertion_names_is_a_text(kid: Any, found: str | None) -> None:
    assert assertions.key_id(signed(kid=kid)) == found


def test_what_is_no_assertion_names_no_key_and_no_client() -> None:
    assert assertions.key_id("a.b.c") is None
    assert assertions.claimed_client("a.b.c") is None
    assert assertions.claimed_client(signed()) == "app"
    assert assertions.claimed_client(signed(claims(sub=7))) is None
