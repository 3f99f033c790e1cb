"""US Core 6.1.0 as a table: of each type the searches that a server SHALL support, the elements that each record has, and
those that SHALL be populated where they are known (https://hl7.org/fhir/us/core/STU6.1, profiles and CapabilityStatement)."""

from collections.abc import Mapping
from typing import NamedTuple


class Profile(NamedTuple):
    """``searches`` are combinations of parameters, ``required`` the elements with a minimum of one (one of several by ``|``),
    ``must`` must-support elements beside those, by path. ``patient`` is whether records are searched by patient."""

    searches: tuple[str, ...]
    required: tuple[str, ...]
    must: tuple[str, ...] = ()
    patient: bool = True


PROFILES: Mapping[str, Profile] = {
    "Patient": Profile(
        ("_id", "identifier", "name", "birthdate+name", "gender+name"), ("identifier", "name", "gender"),
        ("identifier.system", "identifier.value", "name.family", "name.given", "telecom.system", "telecom.value",
         "telecom.use", "birthDate", "address.line", "address.city", "address.state", "address.postalCode",
         "communication.language", "extension.url=us-core-race", "extension.url=us-core-ethnicity",
         "extension.url=us-core-birthsex", "name.suffix", "name.period", "deceasedBoolean|deceasedDateTime"),
        patient=False),
    "AllergyIntolerance": Profile(
        ("patient",), ("code", "patient"), ("clinicalStatus", "verificationStatus", "reaction.manifestation")),
    "CarePlan": Profile(("patient+category",), ("status", "intent", "category", "subject"), ("text",)),
    "CareTeam": Profile(("patient+status",), ("subject", "participant.role", "participant.member"), ("status",)),
    "Condition": Profile(
        ("patient", "patient+category"), ("category", "code", "subject"),
        ("clinicalStatus", "verificationStatus", "onsetDateTime", "abatementDateTime", "recordedDate")),
    "Coverage": Profile(
        ("patient",), ("status", "relationship", "beneficiary", "payor"), ("identifier", "type", "subscriberId", "period")),
    "Device": Profile(("patient",), ("type", "patient"), ("udiCarrier", "distinctIdentifier", "serialNumber", "lotNumber")),
    "DiagnosticReport": Profile(
        ("patient", "patient+category", "patient+code", "patient+category+date"), ("status", "category", "code", "subject"),
        ("effectiveDateTime|effectivePeriod", "issued", "performer", "result", "presentedForm")),
    "DocumentReference": Profile(
        ("_id", "patient", "patient+category", "patient+category+date", "patient+type"),
        ("status", "type", "category", "subject", "content.attachment"),
        ("identifier", "date", "author", "content.attachment.contentType", "content.attachment.data|content.attachment.url",
         "content.format", "context.encounter", "context.period")),
    "Encounter": Profile(
        ("_id", "patient", "date+patient"), ("status", "class", "type", "subject"),
        ("identifier", "participant.individual", "period", "reasonCode", "hospitalization.dischargeDisposition",
         "location.location", "serviceProvider")),
    "Goal": Profile(("patient",), ("lifecycleStatus", "description", "subject"), ("startDate", "target.dueDate")),
    "Immunization": Profile(
        ("patient",), ("status", "vaccineCode", "patient", "occurrenceDateTime|occurrenceString"),
        ("statusReason", "primarySource")),
    "MedicationDispense": Profile(
        ("patient",), ("status", "medicationCodeableConcept|medicationReference", "subject"), ("quantity", "whenHandedOver")),
    "MedicationRequest": Profile(
        ("patient+intent", "patient+intent+status"),
        ("status", "intent", "medicationCodeableConcept|medicationReference", "subject"),
        ("authoredOn", "requester", "dosageInstruction.text", "encounter", "category", "reportedBoolean|reportedReference")),
    "Observation": Profile(
        ("patient+category", "patient+code", "patient+category+date"), ("status", "category", "code", "subject"),
        ("effectiveDateTime|effectivePeriod", "valueQuantity.value", "valueQuantity.unit", "valueQuantity.system",
         "valueQuantity.code", "component.code", "component.valueQuantity", "valueCodeableConcept", "dataAbsentReason")),
    "Procedure": Profile(
        ("patient", "patient+date"), ("status", "code", "subject"), ("performedDateTime|performedPeriod", "encounter")),
    "ServiceRequest": Profile(
        ("_id", "patient", "patient+category", "patient+code", "patient+category+authored"),
        ("status", "intent", "code", "subject"), ("category", "occurrenceDateTime|occurrencePeriod", "authoredOn", "requester")),
    "RelatedPerson": Profile(("_id", "patient"), ("active", "patient"), ("relationship", "name", "telecom", "address")),
    "Organization": Profile(
        ("name", "address"), ("active", "name"),
        ("identifier.system", "identifier.value", "telecom.system", "telecom.value", "address.line", "address.city",
         "address.state", "address.postalCode"), patient=False),
    "Practitioner": Profile(
        ("_id", "name", "identifier"), ("identifier.value", "name.family"),
        ("identifier.system", "telecom.system", "telecom.value", "address.line", "address.city"), patient=False),
    "PractitionerRole": Profile(
        ("practitioner", "specialty"), (), ("practitioner", "organization", "code", "specialty", "location", "telecom"),
        patient=False),
    "Location": Profile(
        ("name", "address", "address-city", "address-state", "address-postalcode"), ("name",),
        ("status", "telecom", "address.line", "address.city", "address.state", "managingOrganization"), patient=False),
}  # fmt: skip


class Parameter(NamedTuple):
    """``kind`` as in R4; ``paths`` are the elements that it looks at."""

    kind: str
    paths: tuple[str, ...]


PARAMETERS: Mapping[str, Parameter] = {
    "_id": Parameter("token", ("id",)),
    "identifier": Parameter("token", ("identifier",)),
    "patient": Parameter("reference", ("subject", "patient", "beneficiary")),
    "category": Parameter("token", ("category",)),
    "code": Parameter("token", ("code",)),
    "type": Parameter("token", ("type",)),
    "status": Parameter("token", ("status",)),
    "intent": Parameter("token", ("intent",)),
    "gender": Parameter("token", ("gender",)),
    "specialty": Parameter("token", ("specialty",)),
    "birthdate": Parameter("date", ("birthDate",)),
    "date": Parameter("date", ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "performedDateTime",
                               "performedPeriod", "period", "date")),
    "authored": Parameter("date", ("authoredOn",)),
    "name": Parameter("string", ("name", "name.family", "name.given", "name.text", "name.prefix", "name.suffix", "alias")),
    "address": Parameter("string", ("address.line", "address.city", "address.state", "address.postalCode",
                                    "address.country", "address.text", "address.district")),
    "address-city": Parameter("string", ("address.city",)),
    "address-state": Parameter("string", ("address.state",)),
    "address-postalcode": Parameter("string", ("address.postalCode",)),
    "practitioner": Parameter("reference", ("practitioner",)),
}  # fmt: skip
