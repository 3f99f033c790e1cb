"""Errors of the auth room, EHR's side.

OAuthError                      status and code as RFC 6749 §5.2 and §4.1.2.1 name them
└── RegistrationRefused         400 invalid_client_metadata or invalid_redirect_uri (RFC 7591 §3.2.2)
"""


class OAuthError(Exception):
    """An OAuth error response. ``code`` is the error word, ``text`` its description: it names the parameter and what it
    must be, and repeats nothing that was sent."""

    def __init__(self, code: str, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


class RegistrationRefused(OAuthError):
    """The client metadata cannot be registered."""
