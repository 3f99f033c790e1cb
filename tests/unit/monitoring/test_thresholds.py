"""The thresholds of a deployment count only when a trusted key signed exactly them."""

import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitoring.catalogue import MONITORS
from monitoring.thresholds import DEFAULTS, FORMAT, Thresholds, ThresholdsInvalid, key_id, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUSTED = {key_id(KEY.public_key()): KEY.public_key()}
BODY: dict[str, Any] = {
    "format": FORMAT, "deployment": "urn:one", "version": 3, "issued": "2026-01-02T03:04:05Z",
    "monitors": {"M-IN-01": {"warn": 0.08}}, "models": {"news2": {"M-IN-01": {"warn": 0.1}, "M-OUT-04": {"factor": 6}}},
}  # fmt: skip


def test_what_was_signed_counts_over_the_defaults_and_a_models_own_over_both() -> None:
    found = verify(sign(BODY, KEY), TRUSTED, deployment="urn:one")
    assert (found.version, found.key) == (3, key_id(KEY.public_key()))
    assert found.of("other", "M-IN-01") == {**DEFAULTS["M-IN-01"], "warn": 0.08}
    assert found.of("news2", "M-IN-01")["warn"] == 0.1
    assert found.of("news2", "M-OUT-04") == {"factor": 6}
    assert Thresholds().of("news2", "M-IN-01") == DEFAULTS["M-IN-01"]


def test_signing_again_gives_the_same_document_whatever_the_order_of_its_names() -> None:
    signed = sign(BODY, KEY)
    assert sign(dict(reversed(signed.items())), KEY) == signed
    assert verify(dict(reversed(signed.items())), TRUSTED) == verify(signed, TRUSTED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["monitors"]["M-IN-01"].update(warn=0.5), "signature.value does not fit"),
        (lambda d: d.update(version=4), "signature.value does not fit"),
        (lambda d: d["signature"].update(value="AAAA"), "signature.value does not fit"),
        (lambda d: d["signature"].update(value="ä"), "signature.value does not fit"),
        (lambda d: d["signature"].update(key="0000"), "signature.key is none of the trusted"),
        (lambda d: d["signature"].update(algorithm="none"), "signature must be an object with algorithm Ed25519"),
        (lambda d: d.pop("signature"), "signature must be an object"),
    ],
)
def test_a_document_that_was_changed_or_signed_by_another_does_not_count(change: Any, said: str) -> None:
    document = copy.deepcopy(sign(BODY, KEY))
    change(document)
    with pytest.raises(ThresholdsInvalid, match=said):
        verify(document, TRUSTED)


def test_a_document_of_another_deployment_does_not_count() -> None:
    with pytest.raises(ThresholdsInvalid, match="deployment is another"):
        verify(sign(BODY, KEY), TRUSTED, deployment="urn:two")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "format must be"),
        ({"version": 0}, "version must be"),
        ({"deployment": ""}, "deployment must be"),
        ({"issued": "today"}, "issued must be"),
        ({"monitors": {"M-NO": {}}}, "monitors must name monitors"),
        ({"monitors": {"M-IN-01": {"secret": 1}}}, "M-IN-01 has a member that the monitor does not know"),
        ({"monitors": {"M-IN-01": {"alpha": 0}}}, "M-IN-01.alpha must lie between 0 and 1"),
        ({"monitors": {"M-OUT-02": {"delta": 1}}}, "M-OUT-02.delta must lie between 0 and 1"),
        ({"monitors": {"M-IN-03": {"floor": 0}}}, "M-IN-03.floor must lie between 0 and 1"),
        ({"monitors": {"M-IN-03": {"jump": 1}}}, "M-IN-03.jump must be above 1"),
        ({"monitors": {"M-OUT-03": {"low": 1.2}}}, "M-OUT-03.low must lie between 0 and 1"),
        ({"monitors": {"M-HAL-01": {"p0": 0.05}}}, "M-HAL-01.p0 must be below p1"),
        ({"models": {"m": {"M-HAL-05": {"p1": 0.01}}}}, "M-HAL-05.p0 must be below p1"),
        *(
            ({"monitors": {"M-IN-01": {"warn": number}}}, r"monitors\.M-IN-01\.warn must be a finite number from 0 on")
            for number in (float("nan"), float("inf"), -float("inf"), 10**400, -1, True, "1", None)
        ),
        ({"models": {"news2": {"M-IN-01": {"warn": float("inf")}}}}, r"models\.M-IN-01\.warn must be a finite number"),
        ({"models": []}, "models must be an object"),
        ({"extra": 1}, "a member that the format does not know"),
    ],
)
def test_what_cannot_be_meant_is_not_even_signed(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ThresholdsInvalid, match=said):
        sign({**BODY, **change}, KEY)


def test_every_monitor_has_an_owner_a_review_time_a_follow_up_and_a_source() -> None:
    assert set(DEFAULTS) <= set(MONITORS)
    for monitor in MONITORS.values():
        assert set(monitor.owners) <= {"engineering", "clinical_informatics"}
        assert all((monitor.owners, monitor.review, monitor.action, monitor.source, monitor.algorithm))
