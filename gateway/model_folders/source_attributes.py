"""The 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B) for predictive decision support, in the rule's order and categories.

Source: 89 FR 1192 (HTI-1 final rule, 2024-01-09); the wording as a certified EHR seeds it, openemr/openemr,
``sql/7_0_2-to-7_0_3_upgrade.sql``, list ``dsi_predictive_source_attributes``.
"""

from collections.abc import Iterator, Mapping

CATEGORIES: Mapping[str, Mapping[str, str]] = {
    "Details and output": {
        "developer": "Name and contact information for the intervention developer",
        "funding": "Funding source of the technical implementation for the intervention's development",
        "output_value": "Description of the value that the intervention produces as an output",
        "output_type": "Whether the output is a prediction, classification, recommendation, evaluation, analysis or other type",
    },
    "Purpose": {
        "intended_use": "Intended use",
        "intended_population": "Intended patient population",
        "intended_users": "Intended users",
        "decision_role": "Intended decision-making role: informs, augments or replaces clinical management",
    },
    "Cautioned out-of-scope use": {
        "cautioned_out_of_scope": "Tasks, situations or populations where a user is cautioned against applying it",
        "known_risks": "Known risks, inappropriate settings, inappropriate uses or known limitations",
    },
    "Development details and input features": {
        "training_criteria": "Exclusion and inclusion criteria that influenced the training data",
        "variables_used": "Use of race, ethnicity, language, sexual orientation, gender identity, sex, date of birth, social "
        "determinants of health and health status assessments as input features",
        "training_representativeness": "Demographic representativeness of the training data by those variables",
        "training_relevance": "Relevance of the training data to the intended deployed setting",
    },
    "Fairness in development": {
        "fairness_approach": "Approach taken to ensure that the output is fair",
        "bias_management": "Approaches to manage, reduce or eliminate bias",
    },
    "External validation": {
        "external_validation_source": "Data source, clinical setting or environment where validity and fairness were assessed, "
        "other than that of training and testing",
        "external_validation_party": "Party that conducted the external testing",
        "external_representativeness": "Demographic representativeness of the external data",
        "external_validation_process": "Description of the external validation process",
    },
    "Quantitative measures of performance": {
        "validity_internal": "Validity in test data from the same source as the training data",
        "fairness_internal": "Fairness in test data from the same source as the training data",
        "validity_external": "Validity in data from another source",
        "fairness_external": "Fairness in data from another source",
        "outcome_evaluation_references": "References to evaluation of the use of the intervention on outcomes",
    },
    "Ongoing maintenance": {
        "validity_monitoring": "Process and frequency by which validity is monitored over time",
        "validity_local": "Validity in local data",
        "fairness_monitoring": "Process and frequency by which fairness is monitored over time",
        "fairness_local": "Fairness in local data",
    },
    "Update and continued validation or fairness assessment schedule": {
        "update_process": "Process and frequency by which the intervention is updated",
        "correction_frequency": "Frequency by which performance is corrected when risks to validity or fairness are found",
    },
}  # fmt: skip

NAMES = tuple(name for attributes in CATEGORIES.values() for name in attributes)
"""Members of ``[card]``."""


def stated(card: Mapping[str, object]) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """Category by category: name, title and what the card says, None where it says nothing."""
    for category, attributes in CATEGORIES.items():
        yield category, [(name, title, _said(card.get(name))) for name, title in attributes.items()]


def _said(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None
