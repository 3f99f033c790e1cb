"""Edge: the EHRs that the gateway is registered with, as the command line adds, lists and removes them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from auth.client.encryption import Cipher
from auth.client.errors import SealBroken
from auth.client.registry import find_ehr, find_issuer, find_named, list_ehrs, remove_ehr, save_ehr
from gateway.ehrs.file import FILE
from gateway.ehrs.forgetting import forget
from gateway.ehrs.registrations import RegistrationRefused, declare, shown

if TYPE_CHECKING:
    from gateway.app import Gateway

Arguments = Mapping[str, Any]
SealedVerb = Callable[[Connection, float, Arguments, Cipher], Any]
NOBODY = "no EHR is registered by that name: `chartgate ehrs list` shows them"


def add(connection: Connection, now: float, arguments: Arguments, cipher: Cipher) -> dict[str, Any]:
    """Registers the EHR, or changes the registration of that name. Raises RegistrationRefused."""
    ehr = declare(arguments["ehr"], "command")
    _changeable(connection, now, ehr.name, cipher)
    other = find_issuer(connection, now, issuer=ehr.issuer, cipher=cipher)
    if other is not None and other.name != ehr.name:
        raise RegistrationRefused(f"issuer is registered already, as {other.name}: an issuer has one name")
    before = find_named(connection, now, name=ehr.name)
    save_ehr(connection, now, ehr=ehr, cipher=cipher)
    if before is not None and before != (ehr.issuer, ehr.client_id):
        forget(connection, now, ehr.name)
    return shown(ehr)


def every(connection: Connection, now: float, arguments: Arguments, cipher: Cipher) -> list[dict[str, Any]]:
    """Every registration, by name, without anything secret."""
    return [shown(ehr) for ehr in list_ehrs(connection, now, cipher=cipher)]


def remove(connection: Connection, now: float, arguments: Arguments, cipher: Cipher) -> dict[str, str]:
    """Forgets an EHR: from now on nothing is launched from it and nothing written to it. Raises RegistrationRefused."""
    _changeable(connection, now, arguments["name"], cipher)
    if not remove_ehr(connection, now, name=arguments["name"]):
        raise RegistrationRefused(NOBODY)
    forget(connection, now, arguments["name"])
    return {"name": arguments["name"]}


def _changeable(connection: Connection, now: float, name: str, cipher: Cipher) -> None:
    """Raises RegistrationRefused for what the next start would bring back."""
    try:
        ehr = find_ehr(connection, now, name=name, cipher=cipher)
    except SealBroken:
        return  # its secret is lost: to replace or remove it is the way out
    if ehr is not None and ehr.declared == "sandbox":
        raise RegistrationRefused("the sandbox's own EHRs are registered anew at every start: they cannot be changed")
    if ehr is not None and ehr.declared == "file":
        raise RegistrationRefused(f"{name} is declared in {FILE}: change it there, and start again")


SEALED_VERBS: Mapping[str, SealedVerb] = {"ehrs.add": add, "ehrs.list": every, "ehrs.remove": remove}
"""Verbs that open or seal what the registry keeps secret."""


def acts(gateway: "Gateway") -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:
    """The same verbs in a running gateway, which knows of the change when they answer."""

    def act(verb: SealedVerb) -> Callable[[Arguments], Awaitable[Any]]:
        async def done(arguments: Arguments) -> Any:
            cipher = gateway.keyring.cipher
            answer = await gateway.run(lambda connection, now: verb(connection, now, arguments, cipher))
            await gateway.learn_ehrs()
            return answer

        return done

    return {name: act(verb) for name, verb in SEALED_VERBS.items()}
