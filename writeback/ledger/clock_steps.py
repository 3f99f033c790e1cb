"""Edge: the wall clock is put back: what was written down in a time that is still to come is set again."""

from sqlalchemy import ColumnElement, Connection, case, or_, update

from writeback.settings import LONGEST_LEASE
from writeback.tables import LATER, deliveries, targets

PUT_BACK = 10.0
"""Seconds by which a clock has to be put back to be seen so: replicas and slow transactions differ by less."""


def lease_over(now: float) -> ColumnElement[bool]:
    """A lease has run out, or is longer than any: it is from before the clock was put back."""
    until = deliveries.c.lease_until
    return or_(until < now, until > now + LONGEST_LEASE + PUT_BACK)


def set_again(connection: Connection, now: float) -> None:
    """What is in doubt waits its quarantine from now on, the rest is due, and no EHR is left in peace for longer."""
    wait = case((deliveries.c.state == "in_doubt", deliveries.c.quarantine), else_=0.0)
    ahead = (LATER, deliveries.c.next_at > now, deliveries.c.changed > now + PUT_BACK)
    if connection.execute(update(deliveries).where(*ahead).values(next_at=now + wait, changed=now)).rowcount:
        connection.execute(update(targets).where(targets.c.paused_until > now).values(paused_until=now))
