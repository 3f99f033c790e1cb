"""Client assertions that prove nothing: replayed, unsigned, signed by the wrong key or for somebody else."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.abuse import holes_of_sign_in
from tests.abuse.sign_in import basic, client, register
from tests.abuse.target import Reply, Target

KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS384", "ES256", "ES384", "HS256", "HS384"]


@cache
def key(name: str) -> Any:
    """``rsa`` and ``ec`` are registered, the others are an attacker's."""
    return (
        ECKey.generate_key("P-256" if name == "p256" else "P-384")
        if name in ("ec", "p256", "evil-ec")
        else RSAKey.generate_key(2048)
    )


def public(name: str, kid: str) -> dict[str, Any]:
    return {**key(name).as_dict(private=False), "kid": kid, "use": "sig"}


def service(target: Target) -> str:
    """The id of a backend service whose key set has one RSA and one EC key."""
    if "service" not in target.registered:
        keys = [public("rsa", "r"), public("ec", "e")]
        target.registered["service"] = register(
            target,
            token_endpoint_auth_method="private_key_jwt",
            grant_types=["client_credentials"],
            scope="system/*.cruds",
            jwks={"keys": keys},
        ).json
    return str(target.registered["service"]["client_id"])


def present(target: Target, assertion: str, **more: str) -> Reply:
    form = {
        "grant_type": "client_credentials",
        "scope": "system/Patient.r",
        "client_assertion_type": KIND,
        "client_assertion": assertion,
    }
    return target.ask("POST", "/auth/token", form={**form, **more})


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims(target: Target, **changes: Any) -> dict[str, Any]:
    now, who = int(time.time()), service(target)
    said = {
        "iss": who,
        "sub": who,
        "aud": f"{target.ehr.base}/auth/token",
        "iat": now,
        "exp": now + 240,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def signed(payload: Any, *, alg: str = "RS384", by: str = "rsa", **header: Any) -> str:
    said = {
        name: value for name, value in {"alg": alg, "kid": "r", "typ": "JWT", **header}.items() if value is not None
    }
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(
        said, body, key(by), registry=jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    )


def forged(payload: Any, secret: bytes | None, **header: Any) -> str:
    """Unsigned, or signed with a secret that is no secret."""
    data = f"{encoded({'kid': 'r', 'typ': 'JWT', **header})}.{encoded(payload)}"
    sent = b"" if secret is None else hmac.new(secret, data.encode(), hashlib.sha256).digest()
    return f"{data}.{encoded(sent)}"


def _headers(target: Target) -> Iterator[tuple[str, str]]:
    said = claims(target)
    for alg in ("none", "None", "nOnE", "NONE", ""):
        yield f"alg {alg or 'empty'}", forged(claims(target), None, alg=alg)
    for secret in (
        key("rsa").as_pem(private=False),
        json.dumps(public("rsa", "r")).encode(),
        b"",
        public("rsa", "r")["n"].encode(),
    ):
        yield "HS256 with the public key", forged(claims(target), secret, alg="HS256")
    for alg, by, kid in (("RS256", "rsa", "r"), ("RS512", "rsa", "r"), ("PS384", "rsa", "r"), ("ES256", "p256", "e"), ("ES384", "ec", "r"),
                         ("RS384", "rsa", "e"), ("RS384", "evil", "r"), ("ES384", "evil-ec", "e"),
                         ("RS384", "rsa", "unknown"), ("RS384", "rsa", None), ("RS384", "rsa", ""), ("RS384", "rsa", "R")):  # fmt: skip
        yield f"{alg} by {by} as {kid}", signed(claims(target), alg=alg, by=by, kid=kid)
    evil = public("evil", "r")
    certificate = [base64.b64encode(b"x" * 100).decode()]
    for header in ({"jwk": evil}, {"x5c": certificate}, {"x5u": "http://169.254.169.254/x"}, {"jku": "http://169.254.169.254/jwks"}, {"jku": "https://evil.example/jwks"},
                   {"crit": ["x"], "x": 1}, {"crit": []}, {"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"typ": "at+jwt"}, {"typ": None}, {"typ": "JWE"}):  # fmt: skip
        protected = {"alg": "RS384", "kid": "r", "typ": "JWT", **header}
        said = {name: value for name, value in protected.items() if value is not None}
        data = f"{encoded(said)}.{encoded(claims(target))}"
        for by in ("rsa", "evil"):
            yield f"a header with {sorted(header)} by {by}", f"{data}.{_signature(data, by)}"


def _signature(data: str, by: str) -> str:
    """RS384 over these very bytes, whatever the header says."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return encoded(key(by).private_key.sign(data.encode(), padding.PKCS1v15(), hashes.SHA384()))


def _claims(target: Target) -> Iterator[tuple[str, str]]:
    now, url, other = int(time.time()), f"{target.ehr.base}/auth/token", client(target, "secret")["client_id"]
    for change in (
        {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": ["x"]}, {"jti": "x" * 10_000}, {"iss": "other"}, {"sub": "other"}, {"iss": None}, {"sub": None},
        {"iss": other, "sub": other}, {"iss": other}, {"sub": [service(target)]}, {"aud": None}, {"aud": ""}, {"aud": target.ehr.fhir}, {"aud": target.ehr.base},
        {"aud": [url, "https://evil.example/token"]}, {"aud": ["https://evil.example/token"]}, {"aud": []}, {"aud": f"{url}/"}, {"aud": f"{url}?x"}, {"aud": url.upper()},
        {"aud": f"{target.neighbour.base}/auth/token"}, {"aud": {"x": url}}, {"exp": None}, {"exp": now - 60}, {"exp": now + 400}, {"exp": now + 31536000},
        {"exp": str(now + 200)}, {"exp": True}, {"exp": [now + 200]}, {"exp": -1}, {"exp": 10**30}, {"iat": now + 120}, {"iat": "x"}, {"nbf": now + 120}, {"nbf": "x"},
    ):  # fmt: skip
        yield f"claims with {str(change)[:80]}", signed(claims(target, **change))
    good = json.dumps(claims(target, exp=now + 240)).encode()
    for what, payload in (
        ("exp NaN", good.replace(b'"exp": %d' % (now + 240), b'"exp": NaN')), ("exp Infinity", good.replace(b'"exp": %d' % (now + 240), b'"exp": Infinity')),
        ("exp 1e400", good.replace(b'"exp": %d' % (now + 240), b'"exp": 1e400')), ("sub twice", good[:-1] + b',"sub":"other"}'), ("jti twice", good[:-1] + b',"jti":"other"}'),
        ("no object", b"[]"), ("no JSON", b"x"), ("nothing", b""), ("a string", b'"x"'), ("deep lists", b"[" * 5000 + b"]" * 5000),
    ):  # fmt: skip
        yield what, signed(payload)


def _shapes(target: Target) -> Iterator[tuple[str, str]]:
    good = signed(claims(target))
    head, body, signature = good.split(".")
    yield from (
        ("another body", f"{head}.{encoded(claims(target))}.{signature}"), ("no signature", f"{head}.{body}."), ("two parts", f"{head}.{body}"), ("four parts", f"{good}.x"),
        ("five parts", f"{head}..{body}.{signature}.x"), ("padding", f"{head}==.{body}==.{signature}=="), ("a space", f" {head}.{body}.{signature}"),
        ("a megabyte", f"{head}.{'A' * 1_000_000}.{signature}"), ("200 kB", f"{head}.{'A' * 200_000}.{signature}"), ("a cut signature", good[:-6]), ("nothing", ""), ("dots", ".."),
        ("an array of keys", json.dumps({"payload": body, "protected": head, "signature": signature})),
    )  # fmt: skip
    yield "a shared secret", jws.serialize_compact({"alg": "HS384", "kid": "r", "typ": "JWT"}, json.dumps(claims(target)).encode(),
                                                   OctKey.import_key("x" * 64), registry=jws.JWSRegistry(algorithms=ALGORITHMS))  # fmt: skip


def assertions(target: Target) -> list[str]:
    target.runner.get_loop().called.clear()
    for alg, by, kid in (("RS384", "rsa", "r"), ("ES384", "ec", "e")):
        good = signed(claims(target), alg=alg, by=by, kid=kid)
        target.expect(present(target, good).status == 200, f"a good assertion with {alg} is refused")
        target.refused(present(target, good), "a jti used twice", 400, 401)
    jti = uuid.uuid4().hex
    race = [
        {
            "grant_type": "client_credentials",
            "scope": "system/Patient.r",
            "client_assertion_type": KIND,
            "client_assertion": signed(claims(target, jti=jti)),
        }
        for _ in range(8)
    ]
    given = [
        each
        for each in target.together(*(target.send("POST", "/auth/token", form=form) for form in race))
        if each.status == 200
    ]
    target.expect(len(given) == 1, f"{len(given)} of 8 used a jti at the same time")
    for what, assertion in (*_headers(target), *_claims(target), *_shapes(target)):
        reply = present(target, assertion)
        target.refused(reply, what, 400, 401, 413)
        target.expect(
            reply.json.get("error") in ("invalid_client", "invalid_request"), f"{what} is {reply.json.get('error')}"
        )
    for more in (
        {"client_assertion_type": "x"},
        {"client_id": client(target, "secret")["client_id"]},
        {"client_secret": "x"},
    ):
        target.refused(present(target, signed(claims(target)), **more), f"an assertion with {sorted(more)}", 400, 401)
    target.expect(not target.runner.get_loop().called, "a key was fetched from where an assertion says")
    return target.problems


def test_b03_an_assertion_proves_one_client_to_one_server_once(target: Target) -> None:
    assert assertions(target) == []


def test_b03_twin_that_forgets_what_was_presented(holed: Any) -> None:
    assert any("used twice" in each for each in assertions(holed(holes_of_sign_in.assertions_are_forgotten)))


def test_b03_twin_that_checks_the_signature_only(holed: Any) -> None:
    assert len(assertions(holed(holes_of_sign_in.claims_are_not_checked))) > 15


def test_b03_twin_that_takes_the_algorithm_that_is_named(holed: Any) -> None:
    assert any("RS256" in each for each in assertions(holed(holes_of_sign_in.any_algorithm_will_do)))


MIXES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("nothing but its id", "secret", {"form": ["client_id"]}), ("its secret in the body", "secret", {"form": ["client_id", "client_secret"]}),
    ("its secret in header and body", "secret", {"form": ["client_id", "client_secret"], "basic": True}), ("a wrong secret", "secret", {"basic": "wrong"}),
    ("an empty secret", "secret", {"basic": ""}), ("a header, though it posts", "posting", {"basic": True}), ("nothing, though it posts", "posting", {"form": ["client_id"]}),
    ("a header of another client", "secret", {"basic": True, "as": "rival"}), ("two headers", "secret", {"basic": True, "twice": True}),
    ("an assertion and a header", "secret", {"basic": True, "assertion": True}), ("an assertion and a secret", "posting", {"form": ["client_id", "client_secret"], "assertion": True}),
    ("an assertion for a client with a secret", "secret", {"assertion": True, "form": ["client_id"]}), ("no secret and an assertion type", "secret", {"form": ["client_id"], "type": True}),
)  # fmt: skip


def mixing(target: Target) -> list[str]:
    for what, name, how in MIXES:
        made = client(target, name)
        form = {
            "grant_type": "client_credentials",
            "scope": "system/Patient.r",
            **{each: made[each] for each in how.get("form", ())},
        }
        if "as" in how:
            form["client_id"] = client(target, how["as"])["client_id"]
        if how.get("assertion") or how.get("type"):
            form |= {"client_assertion_type": KIND} | (
                {"client_assertion": signed(claims(target))} if "assertion" in how else {}
            )
        secret = how.get("basic")
        header = (
            [basic({**made, "client_secret": made["client_secret"] if secret is True else secret})]
            if secret is not None
            else []
        )
        reply = target.ask("POST", "/auth/token", form=form, headers=header * (2 if "twice" in how else 1))
        target.refused(reply, f"a client that shows {what}", 400, 401)
    for form in (
        {"client_id": service(target)},
        {"client_id": service(target), "client_secret": ""},
        {"client_id": client(target, "public")["client_id"]},
        {"client_id": "nobody"},
        {},
    ):
        target.refused(
            target.ask(
                "POST", "/auth/token", form={"grant_type": "client_credentials", "scope": "system/Patient.r", **form}
            ),
            f"{sorted(form)} alone",
            400,
            401,
        )
        for place in ("introspect", "revoke"):
            reply = target.ask("POST", f"/auth/{place}", form={"token": "x", **form})
            public = place == "revoke" and form.get("client_id") == client(target, "public")["client_id"]
            target.expect(
                public or reply.status in (400, 401), f"{place} by {sorted(form)} was answered {reply.status}"
            )
    for header in (
        f"Basic {base64.b64encode(b'no-colon').decode()}",
        "Basic !!!",
        "Basic",
        "basic x y",
        f"Basic {base64.b64encode(bytes([255, 58])).decode()}",
        "Digest x",
    ):
        reply = target.ask(
            "POST",
            "/auth/token",
            form={"grant_type": "client_credentials", "scope": "x"},
            headers=[("authorization", header)],
        )
        target.refused(reply, "an odd Authorization", 400, 401)
    target.refused(
        register(target, token_endpoint_auth_method="none", grant_types=["client_credentials"]),
        "a public backend service",
        400,
    )
    return target.problems


def test_b04_a_client_shows_who_it_is_in_its_own_way(target: Target) -> None:
    assert mixing(target) == []


def test_b04_twin_that_takes_a_missing_secret_for_a_public_client(holed: Any) -> None:
    assert any("nothing but its id" in each for each in mixing(holed(holes_of_sign_in.methods_are_mixed)))
