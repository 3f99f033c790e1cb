"""Edge: what an EHR gave is not for the next of its name, nor for nobody."""

from sqlalchemy import Connection

from auth.client.store import end_launches
from gateway.people.sessions import end_sessions_of


def forget(connection: Connection, now: float, name: str) -> None:
    """Ends the tokens of an EHR's launches, its launches that have begun, and the sessions that came of them."""
    end_launches(connection, now, ehr=name)
    end_sessions_of(connection, now, ehr=name)
