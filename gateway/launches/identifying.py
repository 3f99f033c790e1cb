"""Edge: who signed in, asked of the EHR's own keys. Whatever is wrong means nobody, says why, and stops no launch."""

from auth.client.ehr import RegisteredEhr
from auth.client.errors import LaunchError
from auth.client.identity import Identity, NoIdentity, key_id, read
from auth.client.launch import PendingLaunch
from gateway.ehrs.fetch import Reach


async def identify(
    reach: Reach, ehr: RegisteredEhr, begun: PendingLaunch, id_token: str | None, *, access: str, now: float
) -> Identity | NoIdentity:
    """The identity in the id_token that came with the access token ``access``. The keys are those of the EHR's SMART
    configuration; where it names none, those of its issuer (SMART App Launch 2.2 scopes §steps-for-using-an-id-token)."""
    if id_token is None:
        return NoIdentity(reason="absent" if "openid" in begun.asked else "not asked")
    if begun.issuer is None:
        return NoIdentity(reason="iss")
    try:
        url = begun.jwks_uri or await reach.openid_keys(ehr, begun.issuer)
        keys = await reach.key_set(ehr, url, key_id=key_id(id_token))
    except LaunchError:
        return NoIdentity(reason="keys")
    return read(id_token, begun, ehr, access=access, keys=keys, now=now)
