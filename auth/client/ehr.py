"""An EHR that this gateway is registered with, as a value: what the operator declared and nothing learnt from it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal, get_args
from urllib.parse import urlsplit

from auth.client.errors import RegistrationError

Method = Literal["private_key_jwt", "client_secret_basic", "client_secret_post", "none"]
Source = Literal["sandbox", "command", "file"]

SIGN_IN = ("launch", "openid", "fhirUser", "offline_access")
"""What every launch asks for besides data."""
LAUNCH_SCOPES = (
    *SIGN_IN, "patient/*.rs", "patient/RiskAssessment.cu",
    "patient/Observation.cu", "patient/DocumentReference.cu", "patient/DetectedIssue.cu", "patient/DiagnosticReport.cu",
    "patient/Flag.cu", "patient/Provenance.cu",
)  # fmt: skip
"""What a launch asks for: read the chart, write the patient's own outputs (``u`` because a PUT to a new id is one)."""

BACKEND_SCOPES = (
    "system/*.rs", "system/Device.cu", "system/DocumentReference.cu", "system/RiskAssessment.cu",
    "system/Observation.cu", "system/DetectedIssue.cu", "system/DiagnosticReport.cu", "system/Flag.cu",
    "system/Provenance.cu", "system/Task.cu", "system/AuditEvent.cu",
)  # fmt: skip
"""What the backend client asks for: outputs without a launch, Device and model card for every launch, and what is told of
alerts (Task, AuditEvent)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PROXY = re.compile(r"http://(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]):(?P<port>\d{1,5})")
_FRAME = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,253}")
_PRIVATE = "PRIVATE KEY-----"
LONGEST_ISSUER = 512
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredEhr:
    """``issuer`` is the FHIR base that a launch sends as ``iss``, compared byte for byte. ``origins`` are further ones
    its endpoints may live at (its own is always allowed). ``networks`` are the only networks its addresses may be in
    (CIDR); none means public addresses. ``ca`` are certificates (PEM) trusted for this EHR beside the system's own;
    ``certificate`` and ``key`` (PEM, without a password) are what the gateway shows when the EHR wants a client certificate.
    ``proxy`` (``http://host:port``) is asked to connect (CONNECT): TLS goes through it to the EHR, names are resolved there, and
    ``networks`` are then where the proxy is. ``frames`` are further origins whose pages may show the app in a frame, beside
    those of the EHR itself. ``declared`` says who registered it: a sandbox, a command, or ``chartgate.toml``.
    ``backend_client_id`` is the client for backend services, when it is another; ``vendor`` names what the gateway knows
    about EHRs of its kind. Raises RegistrationError naming the
    member that cannot be used."""

    name: str
    issuer: str
    client_id: str
    method: Method = "private_key_jwt"
    scopes: tuple[str, ...] = LAUNCH_SCOPES
    backend_scopes: tuple[str, ...] = BACKEND_SCOPES
    networks: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    backend_client_id: str | None = None
    algorithm: Literal["RS384", "ES384"] = "ES384"
    secret: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    proxy: str | None = None
    frames: tuple[str, ...] = ()
    vendor: str = "spec"
    declared: Source = "command"

    @property
    def redirect_path(self) -> str:
        """Where this EHR sends people back to, below the app face: one of its own, so that no EHR's answer can be taken for
        another's (RFC 9700 §4.4)."""
        return f"/app/callback/{self.name}"

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """The origins whose pages may show the app in a frame: the EHR's own and those declared."""
        return tuple(
            dict.fromkeys(found for one in (self.issuer, *self.origins, *self.frames) if (found := origin(one)))
        )

    def __post_init__(self) -> None:
        for member, holds in _RULES.items():
            if not holds(self):
                raise RegistrationError(member)

    def allows(self, url: str) -> bool:
        """Whether an endpoint may live at this absolute address: its own origin, or a declared one."""
        return origin(url) is not None and origin(url) in {origin(self.issuer), *map(origin, self.origins)}


def is_name(text: str) -> bool:
    """Whether an EHR may be called this: it stands in addresses."""
    return _NAME.fullmatch(text) is not None


def origin(url: str) -> str | None:
    """``scheme://host:port`` in lower case with the port spelt out, or None when this is no usable https address
    (http is usable on loopback only: tokens travel over TLS, SMART App Launch 2.2 app-protection)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if not host or parts.username is not None or parts.password is not None or parts.fragment or _strange(url):
        return None
    if parts.scheme == "http" and not is_loopback(host):
        return None
    if parts.scheme not in ("http", "https"):
        return None
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}:{port or (443 if parts.scheme == 'https' else 80)}"


def below(base: str, url: str) -> bool:
    """Whether an absolute address lies at or below a base: same origin, path under the base's, and nothing in the path
    that a server may read as another one (dot segments, encoded slashes and dots, backslashes)."""
    if origin(url) is None or origin(url) != origin(base):
        return False
    root, path = urlsplit(base).path.rstrip("/"), urlsplit(url).path
    plain = path.lower()
    return (path == root or path.startswith(root + "/")) and not (
        any(one in plain for one in ("%2e", "%2f", "%5c", "//"))
        or any(segment in (".", "..") for segment in plain.split("/"))
    )


def is_loopback(host: str) -> bool:
    """``localhost`` or a loopback address; what a name resolves to is checked again when it is contacted."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _strange(url: str) -> bool:
    """Characters that parsers disagree about: white space, control characters, backslashes, anything not ASCII."""
    return any(character <= " " or character == "\\" or character >= "\x7f" for character in url)


def _is_issuer(text: str) -> bool:
    """Nothing follows the path, and nothing in the path is read differently by different parsers."""
    return not {"?", "#"} & set(text) and len(text) <= LONGEST_ISSUER and below(text, text)


def _is_proxy(text: str) -> bool:
    """``http://host:port`` and nothing more: no user, whose password would stand in the declaration."""
    found = _PROXY.fullmatch(text)
    return found is not None and 0 < int(found["port"]) < 65536


def _is_frame(text: str) -> bool:
    """An origin and nothing more, as ``frame-ancestors`` takes it: nothing in it ends the policy or adds to it."""
    return origin(text) is not None and _FRAME.fullmatch(text) is not None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _are_scopes(scopes: tuple[str, ...]) -> bool:
    return all(_SCOPE.fullmatch(scope) for scope in scopes)


_RULES: Mapping[str, Callable[[RegisteredEhr], bool]] = {
    "name": lambda ehr: is_name(ehr.name),
    "issuer": lambda ehr: _is_issuer(ehr.issuer),
    "client_id": lambda ehr: bool(ehr.client_id) and ehr.client_id.isprintable(),
    "method": lambda ehr: ehr.method in get_args(Method),
    "scopes": lambda ehr: bool(ehr.scopes) and _are_scopes(ehr.scopes),
    "backend_scopes": lambda ehr: _are_scopes(ehr.backend_scopes),
    "networks": lambda ehr: all(map(_is_network, ehr.networks)),
    "origins": lambda ehr: all(origin(one) is not None for one in ehr.origins),
    "frames": lambda ehr: all(_is_frame(one) for one in ehr.frames),
    "algorithm": lambda ehr: ehr.algorithm in ("RS384", "ES384"),
    "ca": lambda ehr: ehr.ca is None or "-----BEGIN CERTIFICATE-----" in ehr.ca,
    "certificate": lambda ehr: ehr.certificate is None or "-----BEGIN CERTIFICATE-----" in ehr.certificate,
    "key": lambda ehr: (ehr.key is None) == (ehr.certificate is None) and (ehr.key is None or _PRIVATE in ehr.key),
    "proxy": lambda ehr: ehr.proxy is None or (_is_proxy(ehr.proxy) and ehr.issuer.startswith("https://")),
    "vendor": lambda ehr: is_name(ehr.vendor),
    "declared": lambda ehr: ehr.declared in get_args(Source),
    "secret": lambda ehr: bool(ehr.secret) == ehr.method.startswith("client_secret_"),
}
