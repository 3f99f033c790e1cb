"""Edge: new keys for an installation: those that sign for EHRs, and those that seal what is stored. Servers that run on the
same key file see them at their next look."""

import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Any

from auth.client import signing
from auth.client.encryption import KEY_BYTES
from auth.client.resealing import find_waiting_keys, reseal_ehrs, reseal_launches
from gateway.installation import Installation
from gateway.launches.banner import reseal_banners

if TYPE_CHECKING:
    from gateway.app import Gateway

Arguments = Mapping[str, Any]


async def list_keys(installation: Installation, arguments: Arguments) -> dict[str, Any]:
    """``{"signing": [{"kid", "algorithm", "made", "use"}], "encryption": {"current", "kept"}}``: ids, and no key."""
    held = installation.keyring
    return {
        "signing": held.signing.listed(time.time()),
        "encryption": {"current": held.cipher.current, "kept": sorted(held.cipher.keys)},
    }


async def rotate(installation: Installation, arguments: Arguments) -> dict[str, Any]:
    """Makes new keys of the kind that ``keys`` names, ``signing`` or ``encryption``; ``at_once`` is for signing. The list as
    it is then. Raises ValueError, KeyFileError."""
    if arguments["keys"] == "signing":
        _sign_anew(installation, at_once=bool(arguments.get("at_once")))
    elif arguments["keys"] == "encryption" and not arguments.get("at_once"):
        await _seal_anew(installation)
    else:
        raise ValueError("keys must be signing or encryption; only signing keys change at once")
    return await list_keys(installation, arguments)


def _sign_anew(installation: Installation, *, at_once: bool) -> None:
    def made(document: Mapping[str, Any]) -> dict[str, Any]:
        kept = signing.from_json(document["signing"])
        return {"signing": kept.renewed(time.time(), at_once=at_once).to_json()}

    installation.keys.change(made)


async def _seal_anew(installation: Installation) -> None:
    """A new key, then everything under it, then away with the keys before the last one: a kill between two steps leaves
    nothing that no key opens."""
    last = installation.keyring.cipher.current
    cipher = installation.keys.change(_with_new_key).cipher
    await installation.database.run(partial(reseal_ehrs, cipher=cipher))
    for reseal in (reseal_launches, reseal_banners):
        after: str | None = ""
        while after is not None:
            after = await installation.database.run(partial(reseal, cipher=cipher, after=after))
    waiting = await installation.database.run(partial(find_waiting_keys, cipher=cipher))
    installation.keys.change(partial(_without_old_keys, needed={last, *waiting}))


def _with_new_key(document: Mapping[str, Any]) -> dict[str, Any]:
    name = token_hex(4)
    keys = {**document["encryption"]["keys"], name: b64encode(token_bytes(KEY_BYTES)).decode()}
    return {"encryption": {"current": name, "keys": keys}}


def _without_old_keys(document: Mapping[str, Any], *, needed: set[str]) -> dict[str, Any]:
    ring = document["encryption"]
    kept = {name: key for name, key in ring["keys"].items() if name in {*needed, ring["current"]}}
    return {"encryption": {**ring, "keys": kept}}


VERBS: Mapping[str, Callable[[Installation, Arguments], Coroutine[Any, Any, Any]]] = {
    "ehrs.keys": list_keys,
    "ehrs.rotate": rotate,
}


def acts(
    gateway: "Gateway", *, published: Callable[[], Awaitable[None]]
) -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:  # fmt: skip
    """The same verbs in a running gateway; ``published`` hands the new public keys to whom they were given before."""

    async def turn(arguments: Arguments) -> Any:
        done = await rotate(gateway.installation, arguments)
        await published()
        return done

    return {"ehrs.keys": partial(list_keys, gateway.installation), "ehrs.rotate": turn}
