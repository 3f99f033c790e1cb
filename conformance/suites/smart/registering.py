"""Dynamic registration (RFC 7591) and its management (RFC 7592), where they are offered."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.suites.smart.answers import (
    INVALID_CLIENT,
    needing,
    not_registered,
    one,
    opens_nothing,
    refused,
    refusing,
    token_given,
)
from conformance.suites.smart.ids import smart

METADATA = ("rfc7591#2",)
ADDRESS = ("rfc7591#5-redirect-uris",)


@check(*smart(24, 297, 316), "rfc7591#registration")
def registration_answers_a_client(evidence: Evidence) -> Problems:
    """Dynamic registration answers 201 with a client id."""
    answer = evidence.seen("registration")
    if answer.status != 201:
        yield f"answered {answer.status} instead of 201"
    if not isinstance(answer.table.get("client_id"), str):
        yield "has no client_id"


@check("rfc7591#3.2.1-secret")
def a_client_with_a_key_gets_no_secret(evidence: Evidence) -> Problems:
    """A client that is registered with a key gets no secret."""
    if b"private_key_jwt" not in evidence.seen("registration").content:
        raise NotOffered("clients with keys")
    if "client_secret" in evidence.seen("registration").table:
        yield "gave a secret to a client with a key"


@check("rfc7591#3.2.1-secret", *smart(356))
def a_symmetric_client_gets_a_secret(evidence: Evidence) -> Problems:
    """A client that authenticates by a secret gets one that is long enough, and is told when it ends."""
    answer = evidence.seen("symmetric registration")
    if len(str(answer.table.get("client_secret", ""))) < 22:
        yield "the secret is missing, or has less than 128 bits"
    if "client_secret_expires_at" not in answer.table:
        yield "client_secret_expires_at is missing"


@check("rfc7591#3.2.1-secret", *smart(355))
def a_public_client_gets_no_secret(evidence: Evidence) -> Problems:
    """A public client is registered without a secret."""
    answer = evidence.seen("public registration")
    if answer.status != 201 or "client_secret" in answer.table:
        yield f"answered {answer.status}, or gave a secret"


@check(*smart(305))
def a_registration_shows_no_private_key(evidence: Evidence) -> Problems:
    """What is told of the registered keys is public."""
    jwks = evidence.seen("registration").table.get("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if any({"d", "k", "p"} & set(key) for key in (keys if isinstance(keys, list) else ()) if isinstance(key, dict)):
        yield "holds a private or symmetric key"


@check("rfc7592#2.1")
def a_registration_is_read_by_its_token(evidence: Evidence) -> Problems:
    """Who holds the registration access token reads the registration."""
    answer = evidence.seen("registration read")
    if answer.status != 200 or answer.table.get("client_id") != evidence["registered"]:
        yield f"answered {answer.status}, or another client"


@check("rfc7592#2.2")
def a_registration_is_changed_by_its_token(evidence: Evidence) -> Problems:
    """Who holds the registration access token changes the registration."""
    answer = evidence.seen("registration changed")
    if answer.status != 200 or answer.table.get("client_name") != "Conformance, renamed":
        yield f"answered {answer.status}, or the old name"


@check(*smart(306))
def a_key_set_is_replaced(evidence: Evidence) -> Problems:
    """Who holds the registration access token replaces the keys: the new one authenticates, and the former no more."""
    yield from token_given(evidence.seen("token by the new key"))
    yield from refused(evidence.seen("token by the replaced key"), *INVALID_CLIENT)


def _not_changed(answer: Exchange) -> Problems:
    if answer.status not in (400, 401, 403):
        yield f"answered {answer.status} instead of 400"


def _gone(answer: Exchange) -> Problems:
    if answer.status != 204:
        yield f"answered {answer.status} instead of 204"


def _refused(answer: Exchange) -> Problems:
    yield from refused(answer, "invalid_client")


ROWS = (
    ("bad registration", "registration_refuses_a_script_as_address", "A redirect address that is a script is refused.", ADDRESS),
    ("registration without TLS", "registration_refuses_an_address_without_tls",
     "A redirect address without TLS that is not on loopback is refused.", ADDRESS),
    ("registration with a fragment", "registration_refuses_a_fragment", "A redirect address with a fragment is refused.",
     ("rfc6749#3.1.2",)),
    ("registration without an address", "registration_wants_an_address",
     "A client for authorization codes without a redirect address is refused.", (*ADDRESS, *smart(18))),
    ("registration without a key", "registration_wants_a_key", "A client that authenticates by a key and has none is refused.",
     METADATA),
    ("registration with a private key", "registration_refuses_a_private_key", "A key set with a private key is refused.",
     (*METADATA, *smart(305))),
    ("registration with a shared key", "registration_refuses_a_shared_key", "A key set with a symmetric key is refused.",
     (*METADATA, *smart(305))),
    ("registration of an unknown method", "registration_refuses_an_unknown_method",
     "A token_endpoint_auth_method that nobody knows is refused.", METADATA),
    ("registration of an unknown grant", "registration_refuses_the_password_grant", "The grant type password is refused.",
     METADATA),
    ("registration of a public backend", "registration_refuses_a_public_backend",
     "Client credentials for a client that proves nothing are refused.", METADATA),
    ("registration with two key sets", "registration_refuses_two_key_sets", "jwks and jwks_uri together are refused.",
     METADATA),
)  # fmt: skip

REGISTRATION: tuple[Check, ...] = (
    registration_answers_a_client, a_client_with_a_key_gets_no_secret, a_symmetric_client_gets_a_secret,
    a_public_client_gets_no_secret, a_registration_shows_no_private_key,
    *(one(*row, not_registered) for row in ROWS), a_registration_is_read_by_its_token,
    a_registration_is_changed_by_its_token, *needing("client_credentials")((a_key_set_is_replaced,)),
    one("registration read by nobody", "a_registration_is_not_read_by_nobody", "Without its token a registration is not read.",
        ("rfc7592#2.1",), opens_nothing),
    one("registration read by another", "a_registration_is_not_read_by_another", "With another token a registration is not read.",
        ("rfc7592#2.1",), opens_nothing),
    one("registration changed to another", "a_registration_keeps_its_client_id", "A registration cannot become another client's.",
        ("rfc7592#2.2",), _not_changed),
    one("registration deleted", "a_registration_is_deleted", "Who holds the registration access token deletes the registration.",
        ("rfc7592#2.3",), _gone),
    one("deleted client", "a_deleted_client_gets_no_token", "A client that was deleted gets no token.", ("rfc7592#2.3",),
        refusing("invalid_client")),
    one("deleted client's token", "a_deleted_clients_token_ends", "The tokens of a client that was deleted end.",
        ("rfc7592#2.3-tokens",), opens_nothing),
)  # fmt: skip
CHECKS: tuple[Check, ...] = needing("registration_endpoint")(REGISTRATION)
