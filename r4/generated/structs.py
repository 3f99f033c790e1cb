"""Structs generated from hl7.fhir.r4.core 4.0.1, CC0-1.0 by r4/generate.py."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec import Meta as Limits

Integer = Annotated[int, Limits(ge=-2147483648, le=2147483647)]
Unsigned = Annotated[int, Limits(ge=0, le=2147483647)]
Positive = Annotated[int, Limits(ge=1, le=2147483647)]
Text = Annotated[str, Limits(min_length=1, max_length=1048576)]
Word = Annotated[str, Limits(pattern=r"\A[^\s]+(\s[^\s]+)*\Z")]
Id = Annotated[str, Limits(pattern=r"\A[A-Za-z0-9\-\.]{1,64}\Z")]
Uri = Annotated[str, Limits(pattern=r"\A\S+\Z")]

class Address(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    use: "Literal['billing', 'home', 'old', 'temp', 'work'] | UnsetType" = UNSET
    type: "Literal['both', 'physical', 'postal'] | UnsetType" = UNSET
    text: "Text | UnsetType" = UNSET
    line: "Annotated[list[Text], Limits(min_length=1)] | UnsetType" = UNSET
    city: "Text | UnsetType" = UNSET
    district: "Text | UnsetType" = UNSET
    state: "Text | UnsetType" = UNSET
    postalCode: "Text | UnsetType" = UNSET
    country: "Text | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET


class Age(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    comparator: "Literal['<', '<=', '>', '>='] | UnsetType" = UNSET
    unit: "Text | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET


class Annotation(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    authorReference: "Reference | UnsetType" = UNSET
    authorString: "Text | UnsetType" = UNSET
    time: "str | UnsetType" = UNSET
    text: "Text"


class Attachment(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    contentType: "Word | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    data: "str | UnsetType" = UNSET
    url: "Uri | UnsetType" = UNSET
    size: "Unsigned | UnsetType" = UNSET
    hash: "str | UnsetType" = UNSET
    title: "Text | UnsetType" = UNSET
    creation: "str | UnsetType" = UNSET


class CodeableConcept(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    coding: "Annotated[list[Coding], Limits(min_length=1)] | UnsetType" = UNSET
    text: "Text | UnsetType" = UNSET


class Coding(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    version: "Text | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET
    display: "Text | UnsetType" = UNSET
    userSelected: "bool | UnsetType" = UNSET


class Condition(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Condition"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    clinicalStatus: "CodeableConcept | UnsetType" = UNSET
    verificationStatus: "CodeableConcept | UnsetType" = UNSET
    category: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    severity: "CodeableConcept | UnsetType" = UNSET
    code: "CodeableConcept | UnsetType" = UNSET
    bodySite: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    subject: "Reference"
    encounter: "Reference | UnsetType" = UNSET
    onsetDateTime: "str | UnsetType" = UNSET
    onsetAge: "Age | UnsetType" = UNSET
    onsetPeriod: "Period | UnsetType" = UNSET
    onsetRange: "Range | UnsetType" = UNSET
    onsetString: "Text | UnsetType" = UNSET
    abatementDateTime: "str | UnsetType" = UNSET
    abatementAge: "Age | UnsetType" = UNSET
    abatementPeriod: "Period | UnsetType" = UNSET
    abatementRange: "Range | UnsetType" = UNSET
    abatementString: "Text | UnsetType" = UNSET
    recordedDate: "str | UnsetType" = UNSET
    recorder: "Reference | UnsetType" = UNSET
    asserter: "Reference | UnsetType" = UNSET
    stage: "Annotated[list[Condition_stage], Limits(min_length=1)] | UnsetType" = UNSET
    evidence: "Annotated[list[Condition_evidence], Limits(min_length=1)] | UnsetType" = UNSET
    note: "Annotated[list[Annotation], Limits(min_length=1)] | UnsetType" = UNSET


class Condition_evidence(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    code: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    detail: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET


class Condition_stage(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    summary: "CodeableConcept | UnsetType" = UNSET
    assessment: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET


class ContactDetail(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    name: "Text | UnsetType" = UNSET
    telecom: "Annotated[list[ContactPoint], Limits(min_length=1)] | UnsetType" = UNSET


class ContactPoint(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    system: "Literal['email', 'fax', 'other', 'pager', 'phone', 'sms', 'url'] | UnsetType" = UNSET
    value: "Text | UnsetType" = UNSET
    use: "Literal['home', 'mobile', 'old', 'temp', 'work'] | UnsetType" = UNSET
    rank: "Positive | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET


class Contributor(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Literal['author', 'editor', 'endorser', 'reviewer']"
    name: "Text"
    contact: "Annotated[list[ContactDetail], Limits(min_length=1)] | UnsetType" = UNSET


class Count(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    comparator: "Literal['<', '<=', '>', '>='] | UnsetType" = UNSET
    unit: "Text | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET


class DataRequirement(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Literal['Account', 'ActivityDefinition', 'Address', 'AdverseEvent', 'Age', 'AllergyIntolerance', 'Annotation', 'Any', 'Appointment', 'AppointmentResponse', 'Attachment', 'AuditEvent', 'BackboneElement', 'Basic', 'Binary', 'BiologicallyDerivedProduct', 'BodyStructure', 'Bundle', 'CapabilityStatement', 'CarePlan', 'CareTeam', 'CatalogEntry', 'ChargeItem', 'ChargeItemDefinition', 'Claim', 'ClaimResponse', 'ClinicalImpression', 'CodeSystem', 'CodeableConcept', 'Coding', 'Communication', 'CommunicationRequest', 'CompartmentDefinition', 'Composition', 'ConceptMap', 'Condition', 'Consent', 'ContactDetail', 'ContactPoint', 'Contract', 'Contributor', 'Count', 'Coverage', 'CoverageEligibilityRequest', 'CoverageEligibilityResponse', 'DataRequirement', 'DetectedIssue', 'Device', 'DeviceDefinition', 'DeviceMetric', 'DeviceRequest', 'DeviceUseStatement', 'DiagnosticReport', 'Distance', 'DocumentManifest', 'DocumentReference', 'DomainResource', 'Dosage', 'Duration', 'EffectEvidenceSynthesis', 'Element', 'ElementDefinition', 'Encounter', 'Endpoint', 'EnrollmentRequest', 'EnrollmentResponse', 'EpisodeOfCare', 'EventDefinition', 'Evidence', 'EvidenceVariable', 'ExampleScenario', 'ExplanationOfBenefit', 'Expression', 'Extension', 'FamilyMemberHistory', 'Flag', 'Goal', 'GraphDefinition', 'Group', 'GuidanceResponse', 'HealthcareService', 'HumanName', 'Identifier', 'ImagingStudy', 'Immunization', 'ImmunizationEvaluation', 'ImmunizationRecommendation', 'ImplementationGuide', 'InsurancePlan', 'Invoice', 'Library', 'Linkage', 'List', 'Location', 'MarketingStatus', 'Measure', 'MeasureReport', 'Media', 'Medication', 'MedicationAdministration', 'MedicationDispense', 'MedicationKnowledge', 'MedicationRequest', 'MedicationStatement', 'MedicinalProduct', 'MedicinalProductAuthorization', 'MedicinalProductContraindication', 'MedicinalProductIndication', 'MedicinalProductIngredient', 'MedicinalProductInteraction', 'MedicinalProductManufactured', 'MedicinalProductPackaged', 'MedicinalProductPharmaceutical', 'MedicinalProductUndesirableEffect', 'MessageDefinition', 'MessageHeader', 'Meta', 'MolecularSequence', 'Money', 'MoneyQuantity', 'NamingSystem', 'Narrative', 'NutritionOrder', 'Observation', 'ObservationDefinition', 'OperationDefinition', 'OperationOutcome', 'Organization', 'OrganizationAffiliation', 'ParameterDefinition', 'Parameters', 'Patient', 'PaymentNotice', 'PaymentReconciliation', 'Period', 'Person', 'PlanDefinition', 'Population', 'Practitioner', 'PractitionerRole', 'Procedure', 'ProdCharacteristic', 'ProductShelfLife', 'Provenance', 'Quantity', 'Questionnaire', 'QuestionnaireResponse', 'Range', 'Ratio', 'Reference', 'RelatedArtifact', 'RelatedPerson', 'RequestGroup', 'ResearchDefinition', 'ResearchElementDefinition', 'ResearchStudy', 'ResearchSubject', 'Resource', 'RiskAssessment', 'RiskEvidenceSynthesis', 'SampledData', 'Schedule', 'SearchParameter', 'ServiceRequest', 'Signature', 'SimpleQuantity', 'Slot', 'Specimen', 'SpecimenDefinition', 'StructureDefinition', 'StructureMap', 'Subscription', 'Substance', 'SubstanceAmount', 'SubstanceNucleicAcid', 'SubstancePolymer', 'SubstanceProtein', 'SubstanceReferenceInformation', 'SubstanceSourceMaterial', 'SubstanceSpecification', 'SupplyDelivery', 'SupplyRequest', 'Task', 'TerminologyCapabilities', 'TestReport', 'TestScript', 'Timing', 'TriggerDefinition', 'Type', 'UsageContext', 'ValueSet', 'VerificationResult', 'VisionPrescription', 'base64Binary', 'boolean', 'canonical', 'code', 'date', 'dateTime', 'decimal', 'id', 'instant', 'integer', 'markdown', 'oid', 'positiveInt', 'string', 'time', 'unsignedInt', 'uri', 'url', 'uuid', 'xhtml']"
    profile: "Annotated[list[Uri], Limits(min_length=1)] | UnsetType" = UNSET
    subjectCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    subjectReference: "Reference | UnsetType" = UNSET
    mustSupport: "Annotated[list[Text], Limits(min_length=1)] | UnsetType" = UNSET
    codeFilter: "Annotated[list[DataRequirement_codeFilter], Limits(min_length=1)] | UnsetType" = UNSET
    dateFilter: "Annotated[list[DataRequirement_dateFilter], Limits(min_length=1)] | UnsetType" = UNSET
    limit: "Positive | UnsetType" = UNSET
    sort: "Annotated[list[DataRequirement_sort], Limits(min_length=1)] | UnsetType" = UNSET


class DataRequirement_codeFilter(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    path: "Text | UnsetType" = UNSET
    searchParam: "Text | UnsetType" = UNSET
    valueSet: "Uri | UnsetType" = UNSET
    code: "Annotated[list[Coding], Limits(min_length=1)] | UnsetType" = UNSET


class DataRequirement_dateFilter(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    path: "Text | UnsetType" = UNSET
    searchParam: "Text | UnsetType" = UNSET
    valueDateTime: "str | UnsetType" = UNSET
    valuePeriod: "Period | UnsetType" = UNSET
    valueDuration: "Duration | UnsetType" = UNSET


class DataRequirement_sort(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    path: "Text"
    direction: "Literal['ascending', 'descending']"


class DetectedIssue(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["DetectedIssue"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['amended', 'cancelled', 'corrected', 'entered-in-error', 'final', 'preliminary', 'registered', 'unknown']"
    code: "CodeableConcept | UnsetType" = UNSET
    severity: "Literal['high', 'low', 'moderate'] | UnsetType" = UNSET
    patient: "Reference | UnsetType" = UNSET
    identifiedDateTime: "str | UnsetType" = UNSET
    identifiedPeriod: "Period | UnsetType" = UNSET
    author: "Reference | UnsetType" = UNSET
    implicated: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    evidence: "Annotated[list[DetectedIssue_evidence], Limits(min_length=1)] | UnsetType" = UNSET
    detail: "Text | UnsetType" = UNSET
    reference: "Uri | UnsetType" = UNSET
    mitigation: "Annotated[list[DetectedIssue_mitigation], Limits(min_length=1)] | UnsetType" = UNSET


class DetectedIssue_evidence(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    code: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    detail: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET


class DetectedIssue_mitigation(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    action: "CodeableConcept"
    date: "str | UnsetType" = UNSET
    author: "Reference | UnsetType" = UNSET


class Device(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Device"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    definition: "Reference | UnsetType" = UNSET
    udiCarrier: "Annotated[list[Device_udiCarrier], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['active', 'entered-in-error', 'inactive', 'unknown'] | UnsetType" = UNSET
    statusReason: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    distinctIdentifier: "Text | UnsetType" = UNSET
    manufacturer: "Text | UnsetType" = UNSET
    manufactureDate: "str | UnsetType" = UNSET
    expirationDate: "str | UnsetType" = UNSET
    lotNumber: "Text | UnsetType" = UNSET
    serialNumber: "Text | UnsetType" = UNSET
    deviceName: "Annotated[list[Device_deviceName], Limits(min_length=1)] | UnsetType" = UNSET
    modelNumber: "Text | UnsetType" = UNSET
    partNumber: "Text | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    specialization: "Annotated[list[Device_specialization], Limits(min_length=1)] | UnsetType" = UNSET
    version: "Annotated[list[Device_version], Limits(min_length=1)] | UnsetType" = UNSET
    property: "Annotated[list[Device_property], Limits(min_length=1)] | UnsetType" = UNSET
    patient: "Reference | UnsetType" = UNSET
    owner: "Reference | UnsetType" = UNSET
    contact: "Annotated[list[ContactPoint], Limits(min_length=1)] | UnsetType" = UNSET
    location: "Reference | UnsetType" = UNSET
    url: "Uri | UnsetType" = UNSET
    note: "Annotated[list[Annotation], Limits(min_length=1)] | UnsetType" = UNSET
    safety: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    parent: "Reference | UnsetType" = UNSET


class Device_deviceName(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    name: "Text"
    type: "Literal['manufacturer-name', 'model-name', 'other', 'patient-reported-name', 'udi-label-name', 'user-friendly-name']"


class Device_property(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "CodeableConcept"
    valueQuantity: "Annotated[list[Quantity], Limits(min_length=1)] | UnsetType" = UNSET
    valueCode: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET


class Device_specialization(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    systemType: "CodeableConcept"
    version: "Text | UnsetType" = UNSET


class Device_udiCarrier(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    deviceIdentifier: "Text | UnsetType" = UNSET
    issuer: "Uri | UnsetType" = UNSET
    jurisdiction: "Uri | UnsetType" = UNSET
    carrierAIDC: "str | UnsetType" = UNSET
    carrierHRF: "Text | UnsetType" = UNSET
    entryType: "Literal['barcode', 'card', 'manual', 'rfid', 'self-reported', 'unknown'] | UnsetType" = UNSET


class Device_version(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    component: "Identifier | UnsetType" = UNSET
    value: "Text"


class Distance(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    comparator: "Literal['<', '<=', '>', '>='] | UnsetType" = UNSET
    unit: "Text | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET


class DocumentReference(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["DocumentReference"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    masterIdentifier: "Identifier | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['current', 'entered-in-error', 'superseded']"
    docStatus: "Literal['amended', 'entered-in-error', 'final', 'preliminary'] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    category: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    subject: "Reference | UnsetType" = UNSET
    date: "str | UnsetType" = UNSET
    author: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    authenticator: "Reference | UnsetType" = UNSET
    custodian: "Reference | UnsetType" = UNSET
    relatesTo: "Annotated[list[DocumentReference_relatesTo], Limits(min_length=1)] | UnsetType" = UNSET
    description: "Text | UnsetType" = UNSET
    securityLabel: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    content: "Annotated[list[DocumentReference_content], Limits(min_length=1)]"
    context: "DocumentReference_context | UnsetType" = UNSET


class DocumentReference_content(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    attachment: "Attachment"
    format: "Coding | UnsetType" = UNSET


class DocumentReference_context(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    encounter: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    event: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET
    facilityType: "CodeableConcept | UnsetType" = UNSET
    practiceSetting: "CodeableConcept | UnsetType" = UNSET
    sourcePatientInfo: "Reference | UnsetType" = UNSET
    related: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET


class DocumentReference_relatesTo(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    code: "Literal['appends', 'replaces', 'signs', 'transforms']"
    target: "Reference"


class Dosage(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    sequence: "Integer | UnsetType" = UNSET
    text: "Text | UnsetType" = UNSET
    additionalInstruction: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    patientInstruction: "Text | UnsetType" = UNSET
    timing: "Timing | UnsetType" = UNSET
    asNeededBoolean: "bool | UnsetType" = UNSET
    asNeededCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    site: "CodeableConcept | UnsetType" = UNSET
    route: "CodeableConcept | UnsetType" = UNSET
    method: "CodeableConcept | UnsetType" = UNSET
    doseAndRate: "Annotated[list[Dosage_doseAndRate], Limits(min_length=1)] | UnsetType" = UNSET
    maxDosePerPeriod: "Ratio | UnsetType" = UNSET
    maxDosePerAdministration: "Quantity | UnsetType" = UNSET
    maxDosePerLifetime: "Quantity | UnsetType" = UNSET


class Dosage_doseAndRate(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    doseRange: "Range | UnsetType" = UNSET
    doseQuantity: "Quantity | UnsetType" = UNSET
    rateRatio: "Ratio | UnsetType" = UNSET
    rateRange: "Range | UnsetType" = UNSET
    rateQuantity: "Quantity | UnsetType" = UNSET


class Duration(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    comparator: "Literal['<', '<=', '>', '>='] | UnsetType" = UNSET
    unit: "Text | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET


class Encounter(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Encounter"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['arrived', 'cancelled', 'entered-in-error', 'finished', 'in-progress', 'onleave', 'planned', 'triaged', 'unknown']"
    statusHistory: "Annotated[list[Encounter_statusHistory], Limits(min_length=1)] | UnsetType" = UNSET
    class_: "Coding" = field(name="class")
    classHistory: "Annotated[list[Encounter_classHistory], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    serviceType: "CodeableConcept | UnsetType" = UNSET
    priority: "CodeableConcept | UnsetType" = UNSET
    subject: "Reference | UnsetType" = UNSET
    episodeOfCare: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    basedOn: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    participant: "Annotated[list[Encounter_participant], Limits(min_length=1)] | UnsetType" = UNSET
    appointment: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET
    length: "Duration | UnsetType" = UNSET
    reasonCode: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    reasonReference: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    diagnosis: "Annotated[list[Encounter_diagnosis], Limits(min_length=1)] | UnsetType" = UNSET
    account: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    hospitalization: "Encounter_hospitalization | UnsetType" = UNSET
    location: "Annotated[list[Encounter_location], Limits(min_length=1)] | UnsetType" = UNSET
    serviceProvider: "Reference | UnsetType" = UNSET
    partOf: "Reference | UnsetType" = UNSET


class Encounter_classHistory(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    class_: "Coding" = field(name="class")
    period: "Period"


class Encounter_diagnosis(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    condition: "Reference"
    use: "CodeableConcept | UnsetType" = UNSET
    rank: "Positive | UnsetType" = UNSET


class Encounter_hospitalization(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    preAdmissionIdentifier: "Identifier | UnsetType" = UNSET
    origin: "Reference | UnsetType" = UNSET
    admitSource: "CodeableConcept | UnsetType" = UNSET
    reAdmission: "CodeableConcept | UnsetType" = UNSET
    dietPreference: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    specialCourtesy: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    specialArrangement: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    destination: "Reference | UnsetType" = UNSET
    dischargeDisposition: "CodeableConcept | UnsetType" = UNSET


class Encounter_location(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    location: "Reference"
    status: "Literal['active', 'completed', 'planned', 'reserved'] | UnsetType" = UNSET
    physicalType: "CodeableConcept | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET


class Encounter_participant(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET
    individual: "Reference | UnsetType" = UNSET


class Encounter_statusHistory(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['arrived', 'cancelled', 'entered-in-error', 'finished', 'in-progress', 'onleave', 'planned', 'triaged', 'unknown']"
    period: "Period"


class Expression(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    description: "Text | UnsetType" = UNSET
    name: "Id | UnsetType" = UNSET
    language: "Word"
    expression: "Text | UnsetType" = UNSET
    reference: "Uri | UnsetType" = UNSET


class Extension(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    url: "Text"
    valueBase64Binary: "str | UnsetType" = UNSET
    valueBoolean: "bool | UnsetType" = UNSET
    valueCanonical: "Uri | UnsetType" = UNSET
    valueCode: "Word | UnsetType" = UNSET
    valueDate: "str | UnsetType" = UNSET
    valueDateTime: "str | UnsetType" = UNSET
    valueDecimal: "Any | UnsetType" = UNSET
    valueId: "Id | UnsetType" = UNSET
    valueInstant: "str | UnsetType" = UNSET
    valueInteger: "Integer | UnsetType" = UNSET
    valueMarkdown: "Text | UnsetType" = UNSET
    valueOid: "Uri | UnsetType" = UNSET
    valuePositiveInt: "Positive | UnsetType" = UNSET
    valueString: "Text | UnsetType" = UNSET
    valueTime: "str | UnsetType" = UNSET
    valueUnsignedInt: "Unsigned | UnsetType" = UNSET
    valueUri: "Uri | UnsetType" = UNSET
    valueUrl: "Uri | UnsetType" = UNSET
    valueUuid: "Uri | UnsetType" = UNSET
    valueAddress: "Address | UnsetType" = UNSET
    valueAge: "Age | UnsetType" = UNSET
    valueAnnotation: "Annotation | UnsetType" = UNSET
    valueAttachment: "Attachment | UnsetType" = UNSET
    valueCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    valueCoding: "Coding | UnsetType" = UNSET
    valueContactPoint: "ContactPoint | UnsetType" = UNSET
    valueCount: "Count | UnsetType" = UNSET
    valueDistance: "Distance | UnsetType" = UNSET
    valueDuration: "Duration | UnsetType" = UNSET
    valueHumanName: "HumanName | UnsetType" = UNSET
    valueIdentifier: "Identifier | UnsetType" = UNSET
    valueMoney: "Money | UnsetType" = UNSET
    valuePeriod: "Period | UnsetType" = UNSET
    valueQuantity: "Quantity | UnsetType" = UNSET
    valueRange: "Range | UnsetType" = UNSET
    valueRatio: "Ratio | UnsetType" = UNSET
    valueReference: "Reference | UnsetType" = UNSET
    valueSampledData: "SampledData | UnsetType" = UNSET
    valueSignature: "Signature | UnsetType" = UNSET
    valueTiming: "Timing | UnsetType" = UNSET
    valueContactDetail: "ContactDetail | UnsetType" = UNSET
    valueContributor: "Contributor | UnsetType" = UNSET
    valueDataRequirement: "DataRequirement | UnsetType" = UNSET
    valueExpression: "Expression | UnsetType" = UNSET
    valueParameterDefinition: "ParameterDefinition | UnsetType" = UNSET
    valueRelatedArtifact: "RelatedArtifact | UnsetType" = UNSET
    valueTriggerDefinition: "TriggerDefinition | UnsetType" = UNSET
    valueUsageContext: "UsageContext | UnsetType" = UNSET
    valueDosage: "Dosage | UnsetType" = UNSET
    valueMeta: "Meta | UnsetType" = UNSET


class Flag(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Flag"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['active', 'entered-in-error', 'inactive']"
    category: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    code: "CodeableConcept"
    subject: "Reference"
    period: "Period | UnsetType" = UNSET
    encounter: "Reference | UnsetType" = UNSET
    author: "Reference | UnsetType" = UNSET


class HumanName(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    use: "Literal['anonymous', 'maiden', 'nickname', 'official', 'old', 'temp', 'usual'] | UnsetType" = UNSET
    text: "Text | UnsetType" = UNSET
    family: "Text | UnsetType" = UNSET
    given: "Annotated[list[Text], Limits(min_length=1)] | UnsetType" = UNSET
    prefix: "Annotated[list[Text], Limits(min_length=1)] | UnsetType" = UNSET
    suffix: "Annotated[list[Text], Limits(min_length=1)] | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET


class Identifier(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    use: "Literal['official', 'old', 'secondary', 'temp', 'usual'] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    value: "Text | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET
    assigner: "Reference | UnsetType" = UNSET


class Meta(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    versionId: "Id | UnsetType" = UNSET
    lastUpdated: "str | UnsetType" = UNSET
    source: "Uri | UnsetType" = UNSET
    profile: "Annotated[list[Uri], Limits(min_length=1)] | UnsetType" = UNSET
    security: "Annotated[list[Coding], Limits(min_length=1)] | UnsetType" = UNSET
    tag: "Annotated[list[Coding], Limits(min_length=1)] | UnsetType" = UNSET


class Money(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    currency: "Word | UnsetType" = UNSET


class Narrative(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['additional', 'empty', 'extensions', 'generated']"
    div: "str"


class Observation(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Observation"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    basedOn: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    partOf: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    status: "Literal['amended', 'cancelled', 'corrected', 'entered-in-error', 'final', 'preliminary', 'registered', 'unknown']"
    category: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    code: "CodeableConcept"
    subject: "Reference | UnsetType" = UNSET
    focus: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    encounter: "Reference | UnsetType" = UNSET
    effectiveDateTime: "str | UnsetType" = UNSET
    effectivePeriod: "Period | UnsetType" = UNSET
    effectiveTiming: "Timing | UnsetType" = UNSET
    effectiveInstant: "str | UnsetType" = UNSET
    issued: "str | UnsetType" = UNSET
    performer: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    valueQuantity: "Quantity | UnsetType" = UNSET
    valueCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    valueString: "Text | UnsetType" = UNSET
    valueBoolean: "bool | UnsetType" = UNSET
    valueInteger: "Integer | UnsetType" = UNSET
    valueRange: "Range | UnsetType" = UNSET
    valueRatio: "Ratio | UnsetType" = UNSET
    valueSampledData: "SampledData | UnsetType" = UNSET
    valueTime: "str | UnsetType" = UNSET
    valueDateTime: "str | UnsetType" = UNSET
    valuePeriod: "Period | UnsetType" = UNSET
    dataAbsentReason: "CodeableConcept | UnsetType" = UNSET
    interpretation: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    note: "Annotated[list[Annotation], Limits(min_length=1)] | UnsetType" = UNSET
    bodySite: "CodeableConcept | UnsetType" = UNSET
    method: "CodeableConcept | UnsetType" = UNSET
    specimen: "Reference | UnsetType" = UNSET
    device: "Reference | UnsetType" = UNSET
    referenceRange: "Annotated[list[Observation_referenceRange], Limits(min_length=1)] | UnsetType" = UNSET
    hasMember: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    derivedFrom: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    component: "Annotated[list[Observation_component], Limits(min_length=1)] | UnsetType" = UNSET


class Observation_component(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    code: "CodeableConcept"
    valueQuantity: "Quantity | UnsetType" = UNSET
    valueCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    valueString: "Text | UnsetType" = UNSET
    valueBoolean: "bool | UnsetType" = UNSET
    valueInteger: "Integer | UnsetType" = UNSET
    valueRange: "Range | UnsetType" = UNSET
    valueRatio: "Ratio | UnsetType" = UNSET
    valueSampledData: "SampledData | UnsetType" = UNSET
    valueTime: "str | UnsetType" = UNSET
    valueDateTime: "str | UnsetType" = UNSET
    valuePeriod: "Period | UnsetType" = UNSET
    dataAbsentReason: "CodeableConcept | UnsetType" = UNSET
    interpretation: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    referenceRange: "Annotated[list[Observation_referenceRange], Limits(min_length=1)] | UnsetType" = UNSET


class Observation_referenceRange(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    low: "Quantity | UnsetType" = UNSET
    high: "Quantity | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    appliesTo: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    age: "Range | UnsetType" = UNSET
    text: "Text | UnsetType" = UNSET


class ParameterDefinition(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    name: "Word | UnsetType" = UNSET
    use: "Literal['in', 'out']"
    min: "Integer | UnsetType" = UNSET
    max: "Text | UnsetType" = UNSET
    documentation: "Text | UnsetType" = UNSET
    type: "Literal['Account', 'ActivityDefinition', 'Address', 'AdverseEvent', 'Age', 'AllergyIntolerance', 'Annotation', 'Any', 'Appointment', 'AppointmentResponse', 'Attachment', 'AuditEvent', 'BackboneElement', 'Basic', 'Binary', 'BiologicallyDerivedProduct', 'BodyStructure', 'Bundle', 'CapabilityStatement', 'CarePlan', 'CareTeam', 'CatalogEntry', 'ChargeItem', 'ChargeItemDefinition', 'Claim', 'ClaimResponse', 'ClinicalImpression', 'CodeSystem', 'CodeableConcept', 'Coding', 'Communication', 'CommunicationRequest', 'CompartmentDefinition', 'Composition', 'ConceptMap', 'Condition', 'Consent', 'ContactDetail', 'ContactPoint', 'Contract', 'Contributor', 'Count', 'Coverage', 'CoverageEligibilityRequest', 'CoverageEligibilityResponse', 'DataRequirement', 'DetectedIssue', 'Device', 'DeviceDefinition', 'DeviceMetric', 'DeviceRequest', 'DeviceUseStatement', 'DiagnosticReport', 'Distance', 'DocumentManifest', 'DocumentReference', 'DomainResource', 'Dosage', 'Duration', 'EffectEvidenceSynthesis', 'Element', 'ElementDefinition', 'Encounter', 'Endpoint', 'EnrollmentRequest', 'EnrollmentResponse', 'EpisodeOfCare', 'EventDefinition', 'Evidence', 'EvidenceVariable', 'ExampleScenario', 'ExplanationOfBenefit', 'Expression', 'Extension', 'FamilyMemberHistory', 'Flag', 'Goal', 'GraphDefinition', 'Group', 'GuidanceResponse', 'HealthcareService', 'HumanName', 'Identifier', 'ImagingStudy', 'Immunization', 'ImmunizationEvaluation', 'ImmunizationRecommendation', 'ImplementationGuide', 'InsurancePlan', 'Invoice', 'Library', 'Linkage', 'List', 'Location', 'MarketingStatus', 'Measure', 'MeasureReport', 'Media', 'Medication', 'MedicationAdministration', 'MedicationDispense', 'MedicationKnowledge', 'MedicationRequest', 'MedicationStatement', 'MedicinalProduct', 'MedicinalProductAuthorization', 'MedicinalProductContraindication', 'MedicinalProductIndication', 'MedicinalProductIngredient', 'MedicinalProductInteraction', 'MedicinalProductManufactured', 'MedicinalProductPackaged', 'MedicinalProductPharmaceutical', 'MedicinalProductUndesirableEffect', 'MessageDefinition', 'MessageHeader', 'Meta', 'MolecularSequence', 'Money', 'MoneyQuantity', 'NamingSystem', 'Narrative', 'NutritionOrder', 'Observation', 'ObservationDefinition', 'OperationDefinition', 'OperationOutcome', 'Organization', 'OrganizationAffiliation', 'ParameterDefinition', 'Parameters', 'Patient', 'PaymentNotice', 'PaymentReconciliation', 'Period', 'Person', 'PlanDefinition', 'Population', 'Practitioner', 'PractitionerRole', 'Procedure', 'ProdCharacteristic', 'ProductShelfLife', 'Provenance', 'Quantity', 'Questionnaire', 'QuestionnaireResponse', 'Range', 'Ratio', 'Reference', 'RelatedArtifact', 'RelatedPerson', 'RequestGroup', 'ResearchDefinition', 'ResearchElementDefinition', 'ResearchStudy', 'ResearchSubject', 'Resource', 'RiskAssessment', 'RiskEvidenceSynthesis', 'SampledData', 'Schedule', 'SearchParameter', 'ServiceRequest', 'Signature', 'SimpleQuantity', 'Slot', 'Specimen', 'SpecimenDefinition', 'StructureDefinition', 'StructureMap', 'Subscription', 'Substance', 'SubstanceAmount', 'SubstanceNucleicAcid', 'SubstancePolymer', 'SubstanceProtein', 'SubstanceReferenceInformation', 'SubstanceSourceMaterial', 'SubstanceSpecification', 'SupplyDelivery', 'SupplyRequest', 'Task', 'TerminologyCapabilities', 'TestReport', 'TestScript', 'Timing', 'TriggerDefinition', 'Type', 'UsageContext', 'ValueSet', 'VerificationResult', 'VisionPrescription', 'base64Binary', 'boolean', 'canonical', 'code', 'date', 'dateTime', 'decimal', 'id', 'instant', 'integer', 'markdown', 'oid', 'positiveInt', 'string', 'time', 'unsignedInt', 'uri', 'url', 'uuid', 'xhtml']"
    profile: "Uri | UnsetType" = UNSET


class Patient(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Patient"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    active: "bool | UnsetType" = UNSET
    name: "Annotated[list[HumanName], Limits(min_length=1)] | UnsetType" = UNSET
    telecom: "Annotated[list[ContactPoint], Limits(min_length=1)] | UnsetType" = UNSET
    gender: "Literal['female', 'male', 'other', 'unknown'] | UnsetType" = UNSET
    birthDate: "str | UnsetType" = UNSET
    deceasedBoolean: "bool | UnsetType" = UNSET
    deceasedDateTime: "str | UnsetType" = UNSET
    address: "Annotated[list[Address], Limits(min_length=1)] | UnsetType" = UNSET
    maritalStatus: "CodeableConcept | UnsetType" = UNSET
    multipleBirthBoolean: "bool | UnsetType" = UNSET
    multipleBirthInteger: "Integer | UnsetType" = UNSET
    photo: "Annotated[list[Attachment], Limits(min_length=1)] | UnsetType" = UNSET
    contact: "Annotated[list[Patient_contact], Limits(min_length=1)] | UnsetType" = UNSET
    communication: "Annotated[list[Patient_communication], Limits(min_length=1)] | UnsetType" = UNSET
    generalPractitioner: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    managingOrganization: "Reference | UnsetType" = UNSET
    link: "Annotated[list[Patient_link], Limits(min_length=1)] | UnsetType" = UNSET


class Patient_communication(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    language: "CodeableConcept"
    preferred: "bool | UnsetType" = UNSET


class Patient_contact(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    relationship: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    name: "HumanName | UnsetType" = UNSET
    telecom: "Annotated[list[ContactPoint], Limits(min_length=1)] | UnsetType" = UNSET
    address: "Address | UnsetType" = UNSET
    gender: "Literal['female', 'male', 'other', 'unknown'] | UnsetType" = UNSET
    organization: "Reference | UnsetType" = UNSET
    period: "Period | UnsetType" = UNSET


class Patient_link(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    other: "Reference"
    type: "Literal['refer', 'replaced-by', 'replaces', 'seealso']"


class Period(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    start: "str | UnsetType" = UNSET
    end: "str | UnsetType" = UNSET


class Provenance(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["Provenance"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    target: "Annotated[list[Reference], Limits(min_length=1)]"
    occurredPeriod: "Period | UnsetType" = UNSET
    occurredDateTime: "str | UnsetType" = UNSET
    recorded: "str"
    policy: "Annotated[list[Uri], Limits(min_length=1)] | UnsetType" = UNSET
    location: "Reference | UnsetType" = UNSET
    reason: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    activity: "CodeableConcept | UnsetType" = UNSET
    agent: "Annotated[list[Provenance_agent], Limits(min_length=1)]"
    entity: "Annotated[list[Provenance_entity], Limits(min_length=1)] | UnsetType" = UNSET
    signature: "Annotated[list[Signature], Limits(min_length=1)] | UnsetType" = UNSET


class Provenance_agent(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "CodeableConcept | UnsetType" = UNSET
    role: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    who: "Reference"
    onBehalfOf: "Reference | UnsetType" = UNSET


class Provenance_entity(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    role: "Literal['derivation', 'quotation', 'removal', 'revision', 'source']"
    what: "Reference"
    agent: "Annotated[list[Provenance_agent], Limits(min_length=1)] | UnsetType" = UNSET


class Quantity(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    value: "Any | UnsetType" = UNSET
    comparator: "Literal['<', '<=', '>', '>='] | UnsetType" = UNSET
    unit: "Text | UnsetType" = UNSET
    system: "Uri | UnsetType" = UNSET
    code: "Word | UnsetType" = UNSET


class Range(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    low: "Quantity | UnsetType" = UNSET
    high: "Quantity | UnsetType" = UNSET


class Ratio(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    numerator: "Quantity | UnsetType" = UNSET
    denominator: "Quantity | UnsetType" = UNSET


class Reference(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    reference: "Text | UnsetType" = UNSET
    type: "Uri | UnsetType" = UNSET
    identifier: "Identifier | UnsetType" = UNSET
    display: "Text | UnsetType" = UNSET


class RelatedArtifact(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Literal['citation', 'composed-of', 'depends-on', 'derived-from', 'documentation', 'justification', 'predecessor', 'successor']"
    label: "Text | UnsetType" = UNSET
    display: "Text | UnsetType" = UNSET
    citation: "Text | UnsetType" = UNSET
    url: "Uri | UnsetType" = UNSET
    document: "Attachment | UnsetType" = UNSET
    resource: "Uri | UnsetType" = UNSET


class RiskAssessment(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    resourceType: Literal["RiskAssessment"]
    id: "Id | UnsetType" = UNSET
    meta: "Meta | UnsetType" = UNSET
    implicitRules: "Uri | UnsetType" = UNSET
    language: "Word | UnsetType" = UNSET
    text: "Narrative | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    identifier: "Annotated[list[Identifier], Limits(min_length=1)] | UnsetType" = UNSET
    basedOn: "Reference | UnsetType" = UNSET
    parent: "Reference | UnsetType" = UNSET
    status: "Literal['amended', 'cancelled', 'corrected', 'entered-in-error', 'final', 'preliminary', 'registered', 'unknown']"
    method: "CodeableConcept | UnsetType" = UNSET
    code: "CodeableConcept | UnsetType" = UNSET
    subject: "Reference"
    encounter: "Reference | UnsetType" = UNSET
    occurrenceDateTime: "str | UnsetType" = UNSET
    occurrencePeriod: "Period | UnsetType" = UNSET
    condition: "Reference | UnsetType" = UNSET
    performer: "Reference | UnsetType" = UNSET
    reasonCode: "Annotated[list[CodeableConcept], Limits(min_length=1)] | UnsetType" = UNSET
    reasonReference: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    basis: "Annotated[list[Reference], Limits(min_length=1)] | UnsetType" = UNSET
    prediction: "Annotated[list[RiskAssessment_prediction], Limits(min_length=1)] | UnsetType" = UNSET
    mitigation: "Text | UnsetType" = UNSET
    note: "Annotated[list[Annotation], Limits(min_length=1)] | UnsetType" = UNSET


class RiskAssessment_prediction(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    outcome: "CodeableConcept | UnsetType" = UNSET
    probabilityDecimal: "Any | UnsetType" = UNSET
    probabilityRange: "Range | UnsetType" = UNSET
    qualitativeRisk: "CodeableConcept | UnsetType" = UNSET
    relativeRisk: "Any | UnsetType" = UNSET
    whenPeriod: "Period | UnsetType" = UNSET
    whenRange: "Range | UnsetType" = UNSET
    rationale: "Text | UnsetType" = UNSET


class SampledData(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    origin: "Quantity"
    period: "Any"
    factor: "Any | UnsetType" = UNSET
    lowerLimit: "Any | UnsetType" = UNSET
    upperLimit: "Any | UnsetType" = UNSET
    dimensions: "Positive"
    data: "Text | UnsetType" = UNSET


class Signature(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Annotated[list[Coding], Limits(min_length=1)]"
    when: "str"
    who: "Reference"
    onBehalfOf: "Reference | UnsetType" = UNSET
    targetFormat: "Word | UnsetType" = UNSET
    sigFormat: "Word | UnsetType" = UNSET
    data: "str | UnsetType" = UNSET


class Timing(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    modifierExtension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    event: "Annotated[list[str], Limits(min_length=1)] | UnsetType" = UNSET
    repeat: "Timing_repeat | UnsetType" = UNSET
    code: "CodeableConcept | UnsetType" = UNSET


class Timing_repeat(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Text | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    boundsDuration: "Duration | UnsetType" = UNSET
    boundsRange: "Range | UnsetType" = UNSET
    boundsPeriod: "Period | UnsetType" = UNSET
    count: "Positive | UnsetType" = UNSET
    countMax: "Positive | UnsetType" = UNSET
    duration: "Any | UnsetType" = UNSET
    durationMax: "Any | UnsetType" = UNSET
    durationUnit: "Literal['a', 'd', 'h', 'min', 'mo', 's', 'wk'] | UnsetType" = UNSET
    frequency: "Positive | UnsetType" = UNSET
    frequencyMax: "Positive | UnsetType" = UNSET
    period: "Any | UnsetType" = UNSET
    periodMax: "Any | UnsetType" = UNSET
    periodUnit: "Literal['a', 'd', 'h', 'min', 'mo', 's', 'wk'] | UnsetType" = UNSET
    dayOfWeek: "Annotated[list[Literal['fri', 'mon', 'sat', 'sun', 'thu', 'tue', 'wed']], Limits(min_length=1)] | UnsetType" = UNSET
    timeOfDay: "Annotated[list[str], Limits(min_length=1)] | UnsetType" = UNSET
    when: "Annotated[list[Literal['AC', 'ACD', 'ACM', 'ACV', 'AFT', 'AFT.early', 'AFT.late', 'C', 'CD', 'CM', 'CV', 'EVE', 'EVE.early', 'EVE.late', 'HS', 'MORN', 'MORN.early', 'MORN.late', 'NIGHT', 'NOON', 'PC', 'PCD', 'PCM', 'PCV', 'PHS', 'WAKE']], Limits(min_length=1)] | UnsetType" = UNSET
    offset: "Unsigned | UnsetType" = UNSET


class TriggerDefinition(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    type: "Literal['data-access-ended', 'data-accessed', 'data-added', 'data-changed', 'data-modified', 'data-removed', 'named-event', 'periodic']"
    name: "Text | UnsetType" = UNSET
    timingTiming: "Timing | UnsetType" = UNSET
    timingReference: "Reference | UnsetType" = UNSET
    timingDate: "str | UnsetType" = UNSET
    timingDateTime: "str | UnsetType" = UNSET
    data: "Annotated[list[DataRequirement], Limits(min_length=1)] | UnsetType" = UNSET
    condition: "Expression | UnsetType" = UNSET


class UsageContext(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    id: "Id | UnsetType" = UNSET
    extension: "Annotated[list[Extension], Limits(min_length=1)] | UnsetType" = UNSET
    code: "Coding"
    valueCodeableConcept: "CodeableConcept | UnsetType" = UNSET
    valueQuantity: "Quantity | UnsetType" = UNSET
    valueRange: "Range | UnsetType" = UNSET
    valueReference: "Reference | UnsetType" = UNSET
