"""What the certificates and the checks say of an installation, without any name for whoever has no key."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.health import DAYS, Check, certificate_checks, summary

ENDS = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


def pem() -> str:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(ENDS - datetime.timedelta(days=90)).not_valid_after(ENDS)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("days", "state", "words"), [(31, "ok", "31 days"), (29, "warning", "29 days"), (0, "failing", "has ended")]
)
def test_a_certificate_is_spoken_of_a_month_before_its_end(days: int, state: str, words: str) -> None:
    (found,) = certificate_checks(pem(), about="served", now=ENDS.timestamp() - days * DAYS)
    assert (found.state, words in found.text) == (state, True)


def test_what_is_no_certificate_fails() -> None:
    assert [each.state for each in certificate_checks("nothing", about="served", now=0.0)] == ["failing"]


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ([Check(name="database", state="ok", vital=True)], "ready"),
        (
            [Check(name="ehrs", about="hospital", state="failing"), Check(name="ehrs", about="b", state="ok")],
            "degraded",
        ),
        ([Check(name="certificates", about="served", state="warning")], "degraded"),
        ([Check(name="database", state="failing", vital=True), Check(name="ehrs", state="ok")], "unready"),
    ],
)
def test_an_ehr_that_is_down_degrades_and_what_is_vital_makes_unready(checks: list[Check], status: str) -> None:
    found = summary(checks)
    assert found["status"] == status
    assert "hospital" not in str(found)
