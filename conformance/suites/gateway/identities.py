"""How the app takes an identity that does not hold up: it stops, or goes on visibly without one. Seen from outside, the page
on which the person ends says otherwise than after an honest launch."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence
from conformance.suites.gateway.distrust import made
from conformance.suites.gateway.ehr import KEYS
from conformance.suites.gateway.looking import last_page, record, served, words
from conformance.suites.smart.ids import smart


def _identity(name: str, id: str, title: str, *requirements: str) -> Check:
    """An id_token that does not hold up: the app stops, or goes on visibly without an identity."""

    def find(evidence: Evidence) -> Problems:
        page = last_page(record(evidence, name))
        if page.status < 400 and not _differs(evidence, words(page)):
            yield "the page is the same as with an identity that holds up"

    return made(id, title, (*requirements, *smart(201)), find)


def _differs(evidence: Evidence, shown: set[str]) -> bool:
    """Whether a page says otherwise than those of honest launches do."""
    first, second = (words(last_page(record(evidence, name))) for name in ("honest again", "honest after all"))
    return bool(shown - (first | second)) or bool((first & second) - shown)


def _accepted(name: str, id: str, title: str, *requirements: str) -> Check:
    """An id_token that holds up although a careless app would say no."""

    def find(evidence: Evidence) -> Problems:
        page = last_page(record(evidence, name))
        if page.status >= 400 or _differs(evidence, words(page)):
            yield "the page is another than with an identity that holds up"

    return made(id, title, requirements, find)


@check(*smart(218))
def keys_that_cannot_be_read_prove_nobody(evidence: Evidence) -> Problems:
    """Where the keys cannot be read, the app stops, or goes on visibly without an identity."""
    page = last_page(served(evidence, "keys that are a page", KEYS))
    if page.status < 400 and not _differs(evidence, words(page)):
        yield "the page is the same as with an identity that holds up"


IDENTITIES = (
    ("identity expired", "an_expired_identity_is_noticed", "An id_token that has expired", "oidc-core#3.1.3.7-clients"),
    ("identity for another", "an_identity_for_another_is_noticed", "An id_token for another client", "oidc-core#3.1.3.7-clients"),
    ("identity of another issuer", "an_identity_of_another_issuer_is_noticed", "An id_token of another issuer",
     "oidc-core#3.1.3.7-clients"),
    ("identity with another nonce", "an_identity_with_another_nonce_is_noticed", "An id_token with another nonce",
     "oidc-core#3.1.3.7-clients"),
    ("identity without nonce", "an_identity_without_nonce_is_noticed", "An id_token without the nonce",
     "oidc-core#3.1.3.7-clients"),
    ("identity unsigned", "an_unsigned_identity_is_noticed", "An id_token with alg none", "rfc8725#3.2-clients"),
    ("identity by the public key as secret", "an_identity_by_the_public_key_is_noticed",
     "An id_token signed by HS256 with the public key as secret", "rfc8725#3.2-clients"),
    ("identity of another key", "an_identity_of_another_key_is_noticed", "An id_token signed with another key",
     "rfc8725#3.2-clients"),
    ("identity changed", "a_changed_identity_is_noticed", "An id_token whose claims were changed", "rfc8725#3.2-clients"),
    ("identity encrypted", "an_encrypted_identity_is_noticed", "An id_token that is encrypted", "oidc-core#3.1.3.7-clients"),
    ("identity that is no token", "an_identity_that_is_none_is_noticed", "An id_token that is none", "oidc-core#3.1.3.7-clients"),
    ("no identity", "a_missing_identity_is_noticed", "A missing id_token, though openid was granted,",
     "oidc-core#3.1.3.7-clients"),
)  # fmt: skip
CHECKS: tuple[Check, ...] = (
    *(
        _identity(name, id, f"{what} is noticed: the app stops, or shows that nobody is known.", *ids)
        for name, id, what, *ids in IDENTITIES
    ),
    _accepted(
        "identity by the next key",
        "an_identity_by_the_next_key_is_taken",
        "An id_token signed with another of the published keys is taken.",
        *smart(218),
    ),
    keys_that_cannot_be_read_prove_nobody,
)
ROTATED = _accepted("rotated key", "an_identity_by_a_new_key_is_taken",
                    "An id_token signed with a key that was published since is taken.", *smart(218))  # fmt: skip
