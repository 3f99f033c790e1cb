"""What can go wrong on the way from an output to a chart.

::

    WritebackError
    ├── PlanInvalid       a planned resource breaks R4; the adapter, not the caller, is at fault
    ├── OutputUnknown     no output has that id
    └── SendFailed        nothing usable came back for a request (also a ConnectionError)
        ├── Unsent        not one byte of the request left: it may be sent again
        │   └── NoToken   there is no token to send it with; says nothing about the EHR's health
        └── AnswerLost    the request may have been processed: whether it was has to be found out
"""


class WritebackError(Exception):
    """``status`` is the HTTP status for a caller; ``code`` a FHIR issue type."""

    status = 500
    code = "exception"


class PlanInvalid(WritebackError):
    """``element`` names where the planned resource breaks R4, ``rule`` which rule; no value is repeated."""

    def __init__(self, *, element: str, rule: str) -> None:
        super().__init__(f"a planned resource is not valid R4 at {element} ({rule})")
        self.element, self.rule = element, rule


class OutputUnknown(WritebackError):
    """No output has that id."""

    status = 404
    code = "not-found"


class SendFailed(WritebackError, ConnectionError):
    """A request brought no answer."""

    status = 503
    code = "transient"


class Unsent(SendFailed):
    """The request never left."""


class NoToken(Unsent):
    """No token could be had, so nothing was sent."""


class AnswerLost(SendFailed):
    """The request left and no whole answer came back."""
