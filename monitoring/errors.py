"""Errors of the monitoring room.

MonitoringError
└── UnknownAlert   404 not-found: no alert has that id
"""


class MonitoringError(Exception):
    """Root; ``status`` is the HTTP status and ``code`` the FHIR issue type an edge answers with."""

    status, code = 500, "exception"


class UnknownAlert(MonitoringError):
    """No alert has that id."""

    status, code = 404, "not-found"
