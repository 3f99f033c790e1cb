"""Client assertions that must not hold: a row each (SMART App Launch 2.2 client-confidential-asymmetric)."""

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, Missing
from conformance.suites.smart.answers import INVALID_CLIENT, needing, one, refused, token_given
from conformance.suites.smart.ids import smart

BAD = smart(249, 335, 340)
ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("assertion of another key", "signed with an unregistered key", (*BAD, *smart(338))),
    ("assertion of another key under the known kid", "signed with another key under the registered kid", (*BAD, *smart(338))),
    ("assertion that brings its key", "that brings its own key", (*BAD, "rfc8725#3.10")),
    ("assertion with a foreign jku", "with a jku that was not registered", (*BAD, *smart(338))),
    ("assertion unsigned", "with alg none", (*BAD, "rfc8725#3.2")),
    ("assertion by the public key as secret", "signed by HS256 with the public key as secret", (*BAD, "rfc8725#3.2")),
    ("assertion with other claims", "whose signature is that of other claims", BAD),
    ("assertion that is no token", "that is no JWT", BAD),
    ("assertion without kid", "without kid", (*BAD, *smart(338))),
    ("assertion of an unknown kid", "of a kid that was not registered", (*BAD, *smart(338))),
    ("assertion of another type", "of another typ than JWT", (*BAD, "rfc8725#3.11")),
    ("assertion with an unknown crit", "with a critical header that nobody knows", (*BAD, "rfc7515#4.1.11")),
    ("assertion for another server", "for another token endpoint", (*BAD, "rfc7523#3-aud")),
    ("assertion for the FHIR base", "for the FHIR base instead of the token endpoint", (*BAD, "rfc7523#3-aud")),
    ("assertion for two servers", "for two token endpoints", (*BAD, "rfc7523#3-aud")),
    ("assertion for nobody", "without aud", (*BAD, "rfc7523#3-aud")),
    ("assertion expired", "that has expired", BAD),
    ("assertion without an end", "without exp", BAD),
    ("assertion with an end in words", "whose exp is no number", BAD),
    ("assertion too long", "that is valid for a day", BAD),
    ("assertion of ten minutes", "that is valid for ten minutes", BAD),
    ("assertion of tomorrow", "that is not valid yet", BAD),
    ("assertion without jti", "without jti", (*BAD, *smart(336))),
    ("assertion of another issuer", "whose iss is another client", (*BAD, *smart(337))),
    ("assertion about another subject", "whose sub is another client", (*BAD, *smart(337))),
    ("assertion without a subject", "without sub", BAD),
    ("assertion without an issuer", "without iss", (*BAD, *smart(337))),
    ("assertion of an unknown kind", "whose client_assertion_type is unknown", (*BAD, "rfc7523#2.2")),
    ("assertion beside another client", "beside the client_id of another client", (*BAD, *smart(337))),
    ("assertion of an unknown client", "of a client that is not registered", (*BAD, *smart(337))),
)  # fmt: skip


@check(*smart(310, 326, 357))
def a_good_assertion_is_taken(evidence: Evidence) -> Problems:
    """An assertion as it should be authenticates the client: the twin of all that are refused."""
    answer = evidence.seen("assertion first")
    if _unknown(answer):
        yield f"answered {answer.status} as if the client had not authenticated"


def _unknown(answer: Exchange) -> bool:
    return answer.table.get("error") == "invalid_client" or answer.status == 401


def _is_refused(name: str, what: str, ids: tuple[str, ...]) -> Check:
    """Nothing is shown by a refusal where a good assertion is refused too."""

    def find(evidence: Evidence) -> Problems:
        if _unknown(evidence.seen("assertion first")):
            raise Missing("an assertion that is taken")
        yield from refused(evidence.seen(name), *INVALID_CLIENT)

    find.__doc__ = f"An assertion {what} is refused."
    find.__name__ = f"{name.replace(' ', '_')}_is_refused"
    return check(*ids)(find)


@check(*BAD, *smart(336))
def assertion_replayed_is_refused(evidence: Evidence) -> Problems:
    """An assertion that was used is refused: its jti is good once."""
    if _unknown(evidence.seen("assertion first")):
        raise Missing("an assertion that is taken")
    yield from refused(evidence.seen("assertion replayed"), *INVALID_CLIENT)


CHECKS: tuple[Check, ...] = (
    *needing("client-confidential-asymmetric")((
        a_good_assertion_is_taken, *(_is_refused(*row) for row in ROWS), assertion_replayed_is_refused,
    )),
    *needing("client_credentials")([
        one("backend by RS384", "an_rs384_assertion_is_taken", "An assertion by RS384 authenticates the client.",
            smart(311), token_given),
    ]),
)  # fmt: skip
