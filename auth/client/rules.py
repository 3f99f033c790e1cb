"""What the gateway knows about an EHR's sign-in beyond its discovery document: one declaration each, deviations only.

A field's default is SMART App Launch 2.2. A vendor composes its rules with a source beside each (house.md §9).
"""

from dataclasses import dataclass
from typing import Literal

from auth import scopes
from auth.client.ehr import BACKEND_SCOPES, LAUNCH_SCOPES, SIGN_IN, origin


def by_type(
    context: Literal["patient", "system"], *, read: tuple[str, ...], written: tuple[str, ...] = (), old: bool = False
) -> tuple[str, ...]:
    """The scopes of an EHR that lists single types: to read and search, and to create. ``old`` is the spelling of SMART v1."""
    reading, writing = ("read", "write") if old else ("rs", "c")
    asked = (*(f"{context}/{type}.{reading}" for type in read), *(f"{context}/{type}.{writing}" for type in written))
    return (*SIGN_IN, *asked) if context == "patient" else asked


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInRules:
    """The first group is what a registration gets where it does not say otherwise; the second how the EHR is heard. Raises
    ValueError for what cannot be meant."""

    launch_scopes: tuple[str, ...] = LAUNCH_SCOPES
    """What a launch asks for: the EHR lists other scopes than wildcards, or the old spelling only."""
    backend_scopes: tuple[str, ...] = BACKEND_SCOPES
    """What the backend client asks for."""
    algorithm: Literal["RS384", "ES384"] = "ES384"
    """What client assertions are signed by; a client has both (client-confidential-asymmetric)."""
    endpoints_at: tuple[str, ...] = ()
    """Origins besides the FHIR base's own where its authorization server lives."""

    plain_challenge: bool = False
    """True: it offers the plain challenge method beside S256, which no server may; S256 alone is used."""
    hosted_keys: bool = False
    """True: it fetches the keys of backend clients from their address, and takes no copy of them."""
    sealed_identity: bool = False
    """True: its id_tokens may be encrypted, which this gateway cannot open: then nobody is known."""

    def __post_init__(self) -> None:
        for name, context in (("launch_scopes", "patient"), ("backend_scopes", "system")):
            read = [(word, scopes.parse_one(word)) for word in getattr(self, name)]
            if odd := [word for word, scope in read if scope is None or getattr(scope, "context", context) != context]:
                raise ValueError(f"{name} that cannot be asked for: {', '.join(odd)}")
        if odd := [one for one in self.endpoints_at if origin(one) is None]:
            raise ValueError(f"endpoints_at that are no origins: {', '.join(odd)}")


SMART = SignInRules()
"""An EHR that does what SMART App Launch 2.2 says and about which nothing more is known."""
