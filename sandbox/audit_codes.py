"""What happened, in the words of FHIR AuditEvent: one row for each action, with the profile or code list it comes from.

Sources: IHE BALP 1.1.3 (https://profiles.ihe.net/ITI/BALP, FSH in github.com/IHE/ITI.BasicAudit at 09fe729), DICOM PS3.16
CID 400-403 (the DCM codes), IHE IUA 3.71 and 3.102 (event type codes), FHIR R4 value sets of AuditEvent.
"""

from collections.abc import Mapping
from typing import NamedTuple

Code = tuple[str, str, str]
"""System, code, display."""

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
IHE = "urn:ihe:event-type-code"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
BALP = "https://profiles.ihe.net/ITI/BALP"
AGENT_TYPES = f"{BALP}/CodeSystem/UserAgentTypes"
PROFILE = f"{BALP}/StructureDefinition/IHE.BasicAudit."

RESTFUL: Code = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation")
APPLICATION: Code = (DCM, "110150", "Application")
DESTINATION: Code = (DCM, "110152", "Destination Role ID")
SOURCE: Code = (DCM, "110153", "Source Role ID")
CUSTODIAN: Code = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian", "Custodian")
RECIPIENT: Code = (PARTICIPATION, "IRCP", "information recipient")
AUTHOR: Code = (PARTICIPATION, "AUT", "author (originator)")
AUTHORIZER: Code = (AGENT_TYPES, "AuthzOauthService", "OAuth authorization service")
TOKEN: Code = (AGENT_TYPES, "UserOauthAgent", "User OAuth Agent participant")
PERSON: Code = ("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person")
SYSTEM_OBJECT: Code = ("http://terminology.hl7.org/CodeSystem/audit-entity-type", "2", "System Object")
REQUEST_ID: Code = (f"{BALP}/CodeSystem/BasicAuditEntityType", "XrequestId", "X-Request-Id")
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PATIENT_ROLE: Code = (ROLE, "1", "Patient")
DOMAIN_RESOURCE: Code = (ROLE, "4", "Domain Resource")
QUERY_ROLE: Code = (ROLE, "24", "Query")
APPLICATION_SERVER: Code = ("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")
SECURITY_SERVER: Code = ("http://terminology.hl7.org/CodeSystem/security-source-type", "6", "Security Server")
MINIMAL = f"{PROFILE}OAUTHaccessTokenUse.Minimal"
JTI = "urn:ietf:params:oauth:jti:"
"""Prefix of ``agent.policy`` (BALP OAUTHaccessTokenUse.Minimal)."""


class Parties(NamedTuple):
    """The types of the agents client, server and user."""

    client: Code
    server: Code
    user: Code


READING = Parties(DESTINATION, SOURCE, RECIPIENT)  # BALP Read
QUERYING = Parties(SOURCE, DESTINATION, RECIPIENT)  # BALP Query
WRITING = Parties(SOURCE, DESTINATION, AUTHOR)  # BALP Create, Update; user from the value set DataSources
DELETING = Parties(APPLICATION, CUSTODIAN, AUTHOR)  # BALP Delete
SIGNING = Parties(APPLICATION, AUTHORIZER, RECIPIENT)  # BALP IUA.71


class Kind(NamedTuple):
    """One row: AuditEvent.action, type, subtypes, agent types, and the BALP profile of a success (None: BALP has none)."""

    action: str
    type: Code
    subtypes: tuple[Code, ...]
    parties: Parties
    profile: str | None = None


def _rest(action: str, code: str, parties: Parties, profile: str | None = None) -> Kind:
    return Kind(action, RESTFUL, ((REST, code, code),), parties, profile)


ACCESSES: Mapping[str, Kind] = {
    "read": _rest("R", "read", READING, "Read"),  # BALP Read
    "vread": _rest("R", "vread", READING, "Read"),  # BALP Read, value set AllReadVS
    "search": _rest("E", "search-type", QUERYING, "Query"),  # BALP Query, value set AllSearchVS
    "create": _rest("C", "create", WRITING, "Create"),  # BALP Create
    "update": _rest("U", "update", WRITING, "Update"),  # BALP Update
    "patch": _rest("U", "patch", WRITING, "Update"),  # BALP Update, value set AllUpdateVS
    "delete": _rest("D", "delete", DELETING, "Delete"),  # BALP Delete
    "history": _rest("R", "history-instance", READING),  # R4 restful-interaction; BALP has no profile
    "batch": _rest("E", "batch", QUERYING),  # R4 restful-interaction; one that was refused as a whole
    "transaction": _rest("E", "transaction", QUERYING),  # likewise
    "operation": _rest("E", "operation", QUERYING),  # R4 restful-interaction
    "request": Kind("E", RESTFUL, (), QUERYING),  # one that was refused before it was understood
}
"""Accesses to data, by the action of the interaction."""

_AUTHENTICATION: Code = (DCM, "110114", "User Authentication")
_ALERT: Code = (DCM, "110113", "Security Alert")
_ACTIVITY: Code = (DCM, "110100", "Application Activity")
_GET_TOKEN: Code = (IHE, "ITI-71", "Get Access Token")


AUTHORIZATIONS: Mapping[str, Kind] = {
    "launch": Kind("E", _ACTIVITY, ((DCM, "110120", "Application Start"),), SIGNING),  # DICOM CID 400, 403
    "sign-in": Kind("E", _AUTHENTICATION, ((DCM, "110122", "Login"),), SIGNING),  # DICOM CID 400, 403
    "sign-out": Kind("E", _AUTHENTICATION, ((DCM, "110123", "Logout"),), SIGNING),  # DICOM CID 400, 403
    "code": Kind(
        "E", _ALERT, ((f"{BALP}/CodeSystem/AuthZsubType", "AuthZ-Consent", "Authorization Decision using Roles and Consent"),),
        SIGNING,
    ),  # BALP AuthZconsent: codes only, for we have neither a Consent resource nor the person's organization
    "token": Kind("E", _AUTHENTICATION, (_GET_TOKEN,), SIGNING),  # BALP IUA.71: codes only, it allows no patient entity
    "refresh": Kind("E", _AUTHENTICATION, (_GET_TOKEN,), SIGNING),  # likewise
    "introspect": Kind("E", _AUTHENTICATION, ((IHE, "ITI-102", "Introspect Token"),), SIGNING),  # IHE IUA 3.102
    "revoke": Kind("E", _ALERT, ((DCM, "110136", "Security Roles Changed"),), SIGNING),  # DICOM CID 403
    "register": Kind("C", _ALERT, ((DCM, "110129", "Security Configuration"),), SIGNING),  # DICOM CID 403
    "unregister": Kind("D", _ALERT, ((DCM, "110129", "Security Configuration"),), SIGNING),  # DICOM CID 403
    "audit": Kind("R", (DCM, "110101", "Audit Log Used"), (), SIGNING),  # DICOM CID 400; ATNA wants it recorded
}  # fmt: skip
"""Events of the authorization server, and the reading of this very log."""

KINDS: Mapping[str, Kind] = {**ACCESSES, **AUTHORIZATIONS}
