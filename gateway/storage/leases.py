"""Edge: what only one of several processes may do at a time. A lease is a row with an end: who holds it keeps it alive, and
who dies or freezes loses it. It keeps work from being done twice in vain; what must not happen twice is fenced where it is
recorded."""

from sqlalchemy import Connection, bindparam, delete, or_, select, text, update

from gateway.tables import facts, leases

LIFE = 20.0
"""Seconds that a lease lives without being kept alive."""
BEAT = 5.0
"""Seconds between two signs of life."""

_ADD = "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT (name) DO NOTHING"
_NEW = text(_ADD.format(table="gateway_leases", columns="name, owner, until", values=":name, :owner, :until"))
_FACT = text(_ADD.format(table="gateway_facts", columns="name, value", values=":name, :value"))
_AGAIN = (
    update(leases)
    .where(leases.c.name == bindparam("of"), or_(leases.c.until < bindparam("now"), leases.c.owner == bindparam("by")))
    .values(owner=bindparam("by"), until=bindparam("end"))
)


def take_lease(connection: Connection, now: float, *, name: str, owner: str, seconds: float = LIFE) -> bool:
    """Whether ``owner`` holds the lease now: it was free, had run out, or was its own."""
    said = {"of": name, "by": owner, "now": now, "end": now + seconds}
    if connection.execute(_AGAIN, said).rowcount:
        return True
    return connection.execute(_NEW, {"name": name, "owner": owner, "until": now + seconds}).rowcount == 1


def keep_leases(connection: Connection, now: float, *, owner: str, seconds: float = LIFE) -> int:
    """A sign of life: every lease of this owner lives on. Returns how many those are; one that another took is not among
    them."""
    return connection.execute(update(leases).where(leases.c.owner == owner).values(until=now + seconds)).rowcount


def end_lease(connection: Connection, now: float, *, name: str, owner: str) -> bool:
    """Gives it back. False when another holds it."""
    return connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner)).rowcount == 1


def end_leases(connection: Connection, now: float, *, owner: str) -> None:
    """Gives back whatever this owner holds."""
    connection.execute(delete(leases).where(leases.c.owner == owner))


def holds(connection: Connection, now: float, *, name: str, owner: str) -> bool:
    """Whether the lease is this owner's still; asked in the transaction that records what was done under it."""
    found = select(leases.c.owner).where(leases.c.name == name, leases.c.until >= now).with_for_update()
    return connection.scalar(found) == owner


def fix_fact(connection: Connection, now: float, *, name: str, value: str) -> str:
    """The value that is fixed for this database: the one given, when there was none."""
    connection.execute(_FACT, {"name": name, "value": value})
    return str(connection.scalar(select(facts.c.value).where(facts.c.name == name)))


def find_fact(connection: Connection, now: float, *, name: str) -> str | None:
    """The value of a fact, None where there is none."""
    found = connection.scalar(select(facts.c.value).where(facts.c.name == name))
    return None if found is None else str(found)


def set_fact(connection: Connection, now: float, *, name: str, value: str) -> None:
    """Another value from now on."""
    if not connection.execute(update(facts).where(facts.c.name == name).values(value=value)).rowcount:
        fix_fact(connection, now, name=name, value=value)
