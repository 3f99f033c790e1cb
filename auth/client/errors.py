"""What can go wrong on the app side.

::

    ClientError
    ├── RegistrationError   the declaration of an EHR cannot be used; names the member
    ├── LaunchError         this launch cannot go on: what the browser brought does not add up, or the EHR said no
    │   ├── EhrFault        the EHR's answer cannot be used (discovery, token response)
    │   ├── EhrUnavailable  the EHR did not answer
    │   ├── TooMany         launches come faster than this gateway begins them
    │   └── NotAllowed      this address is not for whoever asked
    ├── GrantEnded          the EHR gives no more tokens for this launch: launch again
    ├── ForeignAddress      a request was about to leave the EHR's own address; nothing was sent
    └── SealBroken          a stored value does not open: another key file, or a changed row

Texts say what happened and what to do; none repeats what was received.
"""


class ClientError(Exception):
    """``status`` is the HTTP status for a person or caller; ``code`` an OAuth error or FHIR issue type."""

    status = 400
    code = "invalid_request"


class RegistrationError(ClientError, ValueError):
    """``member`` names what cannot be used."""

    status = 422
    code = "value"

    def __init__(self, member: str) -> None:
        super().__init__(f"{member} of this EHR cannot be used")
        self.member = member


class LaunchError(ClientError):
    """``happened`` and ``advice`` are whole sentences for the person in front of the browser."""

    def __init__(self, happened: str, advice: str = "Start again from the EHR.", *, code: str | None = None) -> None:
        super().__init__(happened)
        self.happened, self.advice = happened, advice
        self.code = code or self.code


class EhrFault(LaunchError):
    """The EHR answered with something that SMART App Launch does not allow."""

    status = 502
    code = "server_error"


class EhrUnavailable(LaunchError):
    """The EHR did not answer in time, or said that it cannot; ``retry_after`` in seconds when it said so."""

    status = 503
    code = "temporarily_unavailable"

    def __init__(self, happened: str, *, retry_after: float | None = None) -> None:
        super().__init__(happened, "Try again in a moment; if it goes on, tell whoever runs the EHR.")
        self.retry_after = retry_after


class TooMany(LaunchError):
    """More launches from one address, or from one EHR, than are begun in so short a time; ``retry_after`` in seconds."""

    status = 429
    code = "temporarily_unavailable"

    def __init__(self, *, retry_after: float) -> None:
        super().__init__("Too many launches or sign-ins have come in a short time.", "Wait a moment, then begin again.")
        self.retry_after = retry_after


class NotAllowed(LaunchError):
    """A used link, or a request that another site made a browser send."""

    status = 403
    code = "access_denied"


class GrantEnded(ClientError):
    """No token will come for this launch any more: revoked, expired without a refresh token, or refused."""

    status = 401
    code = "invalid_grant"


class ForeignAddress(ClientError):
    """Raised before anything is sent: the bearer stays at its EHR."""

    status = 502
    code = "processing"


class SealBroken(ClientError):
    """Holds neither the value nor the key."""

    status = 500
    code = "exception"
