"""The monitors: what each watches, whose it is, when its finding must have been reviewed, and what is done then.

Every metric has an owner, a review time and a follow-up action: Keyes et al., Monitoring Deployed AI Systems in Health Care,
arXiv 2512.09048. The rows are those of the product's monitoring design, §2.4; numbers live in ``thresholds``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ENGINEERING, INFORMATICS = "engineering", "clinical_informatics"


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitor:
    """``review`` is an ISO 8601 duration from the change of level; ``counts`` says what ``n`` of its signals counts."""

    id: str
    title: str
    algorithm: str
    owners: tuple[str, ...]
    review: Mapping[str, str]
    action: str
    source: str
    counts: str = "encounters"


_USUAL = {"warning": "P1D", "critical": "PT30M"}
_SLOW = {"warning": "P7D", "critical": "P1D"}
_INFO: Mapping[str, str] = {"info": "P30D"}
_SHIFT = "Look for a change of the feed (codes, units, devices, admissions) since then; where there is none, compare with labels."
_FEED = "Find the feed or mapping that lost the feature; quarantine the feature until it is back."
_CALIBRATE = "Convene the model's owner; recalibrate or withdraw the version; shadow mode meanwhile where critical."

MONITORS: Mapping[str, Monitor] = {
    row.id: row
    for row in (
        Monitor(
            id="M-IN-01", title="A feature's distribution", owners=(INFORMATICS,), review=_USUAL, action=_SHIFT,
            algorithm="population stability index, with bins for missing and unseen; 1,000 encounters, each 50, twice running",
            source="Kore et al., Nat Commun 15, 2024: data drift is not seen in performance, and depends on sample size",
        ),
        Monitor(
            id="M-IN-02", title="A feature's mean", owners=(INFORMATICS,), review=_USUAL, action=_SHIFT,
            algorithm="two-sided CUSUM of the standardised value clipped at 4, slack 0.25",
            source="Page, Biometrika 41, 1954",
        ),
        Monitor(
            id="M-IN-03", title="Missing values, unseen codes, unusable units", owners=(ENGINEERING,), review=_USUAL,
            action=_FEED,
            algorithm="Bernoulli CUSUM against twice and six times the reference's rate (at least 0.005)",
            source="Reynolds and Stoumbos, J Quality Technology 31, 1999; Otles et al., MLHC 2021: infrastructure shift",
        ),
        Monitor(
            id="M-IN-04", title="All features together", owners=(INFORMATICS,), review=_SLOW, action=_SHIFT,
            algorithm="cross-validated domain classifier (values, squares, missingness), nightly, with a permutation test",
            source="Subasri et al., JAMA Netw Open 2025: label-agnostic shift over 143,049 inpatients",
        ),
        Monitor(
            id="M-OUT-01", title="Outputs outside the declared clinical range", owners=(INFORMATICS, ENGINEERING),
            review={"critical": "PT30M"}, counts="outputs", algorithm="rule on every output",
            action="The gate blocks write-back of the output. Find out what the model was given; pull it if it is the model.",
            source="the manifest's declared range",
        ),
        Monitor(
            id="M-OUT-02", title="The output's distribution", owners=(INFORMATICS,), review=_USUAL, action=_SHIFT,
            algorithm="as M-IN-01 to M-IN-03 on the output, and ADWIN", source="Bifet and Gavaldà, SDM 2007",
        ),
        Monitor(
            id="M-OUT-03", title="How often the output is an alert", owners=(INFORMATICS,), review=_USUAL,
            algorithm="Bernoulli CUSUM against 1.5 times and half the reference's rate",
            action="Too many: look for the population or feed that changed. Too few: prove that the alert can still fire.",
            source="Wright et al., JAMIA 23, 2016: failures to fire are hardest to see",
        ),
        Monitor(
            id="M-OUT-04", title="Outputs that stick or stop", owners=(ENGINEERING,), review={"critical": "PT30M"},
            algorithm="95 of 100 encounters alike (more where that is usual), or silence of four times the gaps' 99th percentile",
            action="Restart what stopped; score again what was missed; tell the wards that the model was not there.",
            source="Wright et al., JAMIA 23, 2016",
        ),
        Monitor(
            id="M-PERF-01", title="Discrimination", owners=(INFORMATICS,), review=_SLOW, action=_CALIBRATE, counts="labels",
            algorithm="AUROC of mature labels with DeLong's interval, at least 50 events and 50 others",
            source="DeLong et al., Biometrics 44, 1988",
        ),
        Monitor(
            id="M-PERF-02", title="Observed over expected", owners=(INFORMATICS,), review=_SLOW, action=_CALIBRATE,
            counts="labels",
            algorithm="events over the sum of the chances given, exact Poisson-binomial test and interval",
            source="Davis et al., JAMIA 24, 2017: discrimination held, calibration drifted",
        ),
        Monitor(
            id="M-PERF-03", title="Calibration", owners=(INFORMATICS,), review=_SLOW, action=_CALIBRATE, counts="labels",
            algorithm="monthly control chart, three deviations: Brier score minus its expectation, slope, calibration error",
            source="blood-culture model of Amsterdam UMC, PMC10550508",
        ),
        Monitor(
            id="M-PERF-04", title="Discrimination without labels", owners=(INFORMATICS,), review=_INFO,
            action="None: for information.",
            algorithm="AUROC as expected from the outputs themselves; assumes calibration, and is blind to concept shift",
            source="measured here: true 0.685, estimate 0.822 under concept shift",
        ),
        Monitor(
            id="M-SUB-01", title="Subgroups", owners=(INFORMATICS,), review=_SLOW, action=_CALIBRATE,
            counts="labels or encounters",
            algorithm="the output's distribution, observed over expected, AUROC: by sex, age band and race where there are 200",
            source="Joint Commission and CHAI, Responsible Use of AI in Healthcare, 2025",
        ),
        Monitor(
            id="M-HAL-01", title="Unsupported claims", owners=(INFORMATICS,), review=_USUAL, counts="claims",
            algorithm="Bernoulli CUSUM at 1.5 % against 3 %; rate with Wilson interval, and never without M-HAL-04",
            action="Read the drafts since the time given; shadow mode where it is the generator.",
            source="CREOLA: 1.47 % of sentences, npj Digit Med 8, 2025",
        ),
        Monitor(
            id="M-HAL-02", title="Citations of nothing, or of another patient", owners=(ENGINEERING, INFORMATICS), review=_USUAL,
            counts="citations", algorithm="rule; critical over 0.5 % of 200 citations; another patient's resource at once",
            action="Stop write-back of the model; look for mixed-up charts first.", source="product monitoring design, M-HAL-02",
        ),
        Monitor(
            id="M-HAL-03", title="Contradicted number, unit or dose", owners=(INFORMATICS,), review=_USUAL, counts="claims",
            algorithm="rule; critical over 0.5 % of 200 claims",
            action="Write-back of the draft is blocked; review it, and those since.",
            source="product monitoring design, M-HAL-03",
        ),
        Monitor(
            id="M-HAL-04", title="Share of claims that could be checked", owners=(INFORMATICS,), review=_SLOW, counts="claims",
            algorithm="share of the last 500 claims: under 60 % warns, under 40 % is critical",
            action="Do not quote the rates; widen the checker or sample by hand.", source="product monitoring design, M-HAL-04",
        ),
        Monitor(
            id="M-HAL-05", title="What had to be said and was left out", owners=(INFORMATICS,), review=_USUAL,
            counts="resources", algorithm="Bernoulli CUSUM at 3.5 % against 7 % of critical results and allergies in force",
            action="Read the drafts since the time given against their charts; shadow mode where it is the generator.",
            source="CREOLA: 3.45 % omissions, npj Digit Med 8, 2025; the chart's must-mention list (G-OMI-01)",
        ),
    )
}  # fmt: skip
"""By id. M-WB-COPIES (an EHR has a delivery twice), M-WB-DEAD (one that it refused or never took), M-WB-KEPT (it keeps
less of what it is sent than it did), M-WB-LABEL (one that it keeps without a word that a machine made it), M-WB-WORKLIST (a
recall left work for people) and M-SCH-MISSED (a scheduled run that did not happen) are alerts of their own, without a series:
``monitoring.rules``."""
