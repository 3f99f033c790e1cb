"""Client authentication, decision by decision: each way of presenting oneself beside what is none (RFC 6749 §2.3)."""

from base64 import b64encode
from contextlib import nullcontext
from typing import Any

import pytest

from auth import assertions
from auth.errors import OAuthError
from auth.keys import SigningKeys, parse_key_set
from auth.server.authentication import ASSERTION_TYPE, Presented, check_assertion, check_secret, read
from auth.server.clients import Client, hashed

KEYS = SigningKeys.generate()
PUBLISHED = parse_key_set(KEYS.jwks("ES384"))
NOW, TOKEN = 1_800_000_000.0, "https://ehr.example/auth/token"
SIGNED = assertions.build("app", TOKEN, KEYS.key("ES384"), now=NOW, jti="j")
ASSERTED = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": SIGNED}


def basic(pair: str, word: str = "Basic") -> str:
    return f"{word} {b64encode(pair.encode()).decode()}"


@pytest.mark.parametrize(
    ("parameters", "headers", "found"),
    [
        ({"client_id": "app"}, [], ("none", "app", None)),
        ({"client_id": "app", "client_secret": "s"}, [], ("client_secret_post", "app", "s")),
        ({"client_id": "app", "client_secret": ""}, [], ("client_secret_post", "app", "")),
        ({}, [basic("app:s")], ("client_secret_basic", "app", "s")),
        ({"client_id": "app"}, [basic("app:s", "bAsIc")], ("client_secret_basic", "app", "s")),
        ({}, [basic("a%20p+p:s%3A:")], ("client_secret_basic", "a p p", "s::")),
        (ASSERTED, [], ("private_key_jwt", "app", None)),
        ({"client_id": "app", **ASSERTED}, [], ("private_key_jwt", "app", None)),
    ],
)  # fmt: skip
def test_a_client_presents_itself_in_one_way(parameters: dict[str, str], headers: list[str], found: Any) -> None:
    made = read(parameters, headers)
    assert (made.method, made.client_id, made.secret) == found
    assert made.assertion == parameters.get("client_assertion")


@pytest.mark.parametrize(
    ("parameters", "headers", "says"),
    [
        ({}, [], "is required"), ({"client_id": ""}, [], "is required"), ({"client_secret": "s"}, [], "is required"),
        ({}, [basic("app:s"), basic("app:s")], "exactly one way"), ({"client_secret": "s"}, [basic("app:s")], "exactly one way"),
        ({"client_id": "app", "client_secret": "s", **ASSERTED}, [], "exactly one way"), (ASSERTED, [basic("app:s")], "exactly one way"),
        ({"client_assertion": SIGNED}, [], "client_assertion_type must be"), ({"client_assertion_type": ASSERTION_TYPE}, [], "must be a JWT"),
        ({**ASSERTED, "client_assertion": "x"}, [], "must be a JWT"), ({**ASSERTED, "client_id": "other"}, [], "must be a JWT"),
        ({}, [basic("app:s", "Bearer")], "must be Basic"), ({}, ["Basic app:s"], "must be Basic"), ({}, [basic("app")], "must be Basic"),
        ({}, ["Basic /w=="], "must be Basic"), ({"client_id": "other"}, [basic("app:s")], "must be the client that authenticates"),
    ],
)  # fmt: skip
def test_any_other_way_is_refused(parameters: dict[str, str], headers: list[str], says: str) -> None:
    with pytest.raises(OAuthError, match=says):
        read(parameters, headers)


POST = Client(id="app", method="client_secret_post")


@pytest.mark.parametrize(
    ("presented", "client", "stored", "fine"),
    [
        (Presented(method="none", client_id="app"), Client(id="app"), None, True),
        (Presented(method="client_secret_post", client_id="app", secret="s"), POST, hashed("s"), True),
        (Presented(method="client_secret_post", client_id="app", secret="t"), POST, hashed("s"), False),
        (Presented(method="client_secret_post", client_id="app", secret="s"), POST, None, False),
        (Presented(method="client_secret_post", client_id="app"), POST, hashed(""), True),
        (Presented(method="client_secret_basic", client_id="app", secret="s"), POST, hashed("s"), False),
        (Presented(method="none", client_id="app"), POST, hashed("s"), False),
        (Presented(method="client_secret_post", client_id="app", secret="s"), Client(id="app"), None, False),
    ],
)  # fmt: skip
def test_a_secret_holds_for_the_registered_method_alone(
    presented: Presented, client: Client, stored: str | None, fine: bool
) -> None:
    with nullcontext() if fine else pytest.raises(OAuthError):
        check_secret(presented, client, stored)


def test_an_assertion_holds_for_a_client_that_is_registered_with_it() -> None:
    registered = Client(id="app", method="private_key_jwt")
    presented = Presented(method="private_key_jwt", client_id="app", assertion=SIGNED)
    assert check_assertion(presented, registered, PUBLISHED, audience=TOKEN, now=NOW).jti == "j"
    for other, what in ((POST, presented), (registered, Presented(method="private_key_jwt", client_id="app"))):
        with pytest.raises(OAuthError):
            check_assertion(what, other, PUBLISHED, audience=TOKEN, now=NOW)
