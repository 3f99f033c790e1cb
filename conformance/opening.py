"""Edge: how a run begins: discovery, a client of our own, the launcher beside the base."""

from collections.abc import Mapping
from typing import Any

from conformance.client import App, register
from conformance.evidence import Evidence
from conformance.probe import CannotRun, Probe
from conformance.session import Session

Stopped = (LookupError, CannotRun)
"""What ends a part of a run without ending the run."""


async def open_session(probe: Probe, evidence: Evidence, given: Mapping[str, Any] | None) -> tuple[Session, list[str]]:
    """The session, and what is missing from it, in words. Raises CannotRun when there is no FHIR server at all."""
    session = Session(probe=probe, endpoints=await discover(probe, evidence))
    missing = []
    try:
        session.app = await find_app(probe, session.endpoints, evidence, given)
        if session.app is None:
            missing.append("no client: the server offers no dynamic registration, and --client was not given")
        session.launcher = await find_launcher(probe, evidence)
    except (*Stopped, KeyError) as failure:
        missing.append(f"sign-in: {failure}")
    return session, missing


async def discover(probe: Probe, evidence: Evidence) -> Mapping[str, Any]:
    """Discovery and metadata. Raises CannotRun when there is no FHIR server at all."""
    evidence["metadata"] = await probe.send("GET", "metadata")
    smart = evidence["smart"] = await probe.send("GET", ".well-known/smart-configuration")
    endpoints = smart.table
    for name in ("jwks_uri",):
        if isinstance(endpoints.get(name), str):
            evidence["jwks"] = await probe.send("GET", endpoints[name])
    return endpoints


async def find_app(
    probe: Probe, endpoints: Mapping[str, Any], evidence: Evidence, given: Mapping[str, Any] | None
) -> App | None:
    """The given client, or one that is registered dynamically."""
    if given is None:
        return await register(probe, endpoints, evidence)
    return App(
        probe=probe, endpoints=endpoints, id=str(given["client_id"]), secret=given.get("client_secret"),
        redirect_uri=str(given.get("redirect_uri", "")),
    )  # fmt: skip


async def find_launcher(probe: Probe, evidence: Evidence) -> str:
    """The launcher beside the base. Raises LookupError where there is none."""
    address = f"{probe.base.removesuffix('/fhir')}/launch"
    listed = await probe.send("GET", address, headers={"accept": "application/json"})
    patients = listed.table.get("patients")
    if listed.status != 200 or not isinstance(patients, list) or len(patients) < 2:
        raise LookupError("no launcher with two patients")
    evidence["launcher"] = listed
    evidence["patients"] = [str(each["id"]) for each in patients]
    users = [each for each in listed.table.get("users", ()) if isinstance(each, dict)]
    evidence["user"] = str(users[0]["reference"]) if users else None
    return address
