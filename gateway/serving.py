"""Edge: drives ``gateway.face`` before an embedded store (one transaction for it all) or a server behind (over HTTP)."""

from sqlalchemy import Connection

from auth.server.grants import Grant, find_grant
from gateway import face
from gateway.ehr import SandboxEhr
from r4.interaction import Answer, Interaction
from sandbox import store


class Undo(Exception):
    """A transaction ends in a refusal: what it wrote is taken back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("a transaction was refused")
        self.answer = answer


def means_of(ehr: SandboxEhr, now: float) -> face.Means:
    """What the face knows of this EHR."""
    return face.Means(
        base=ehr.fhir, new_id=ehr.new_id, pages=ehr.pages, now=now, references=ehr.references,
        whole=ehr.upstream is not None,
    )  # fmt: skip


def rules_of(ehr: SandboxEhr) -> store.Rules:
    """What the embedded store knows of this EHR."""
    return store.Rules(base=ehr.fhir, new_id=ehr.new_id, references=ehr.references)


async def serve(ehr: SandboxEhr, interaction: Interaction, token: str) -> Answer | None:
    """The answer to a bearer's interaction; None when the token opens nothing."""
    if ehr.upstream is not None:
        return await _upstream(ehr, interaction, token)
    try:
        return await ehr.database.run(lambda connection, now: _embedded(connection, now, ehr, interaction, token))
    except Undo as undone:
        return undone.answer


def _embedded(
    connection: Connection, now: float, ehr: SandboxEhr, interaction: Interaction, token: str
) -> Answer | None:  # fmt: skip
    grant = find_grant(connection, now, token)
    if grant is None:
        return None
    answer = drive(connection, now, ehr, interaction, grant)
    if interaction.action == "transaction" and answer.status >= 400:
        raise Undo(answer)
    return answer


def drive(connection: Connection, now: float, ehr: SandboxEhr, interaction: Interaction, grant: Grant) -> Answer:
    """Runs the face against the embedded store, inside the caller's transaction."""
    rules = rules_of(ehr)
    serving = face.serve(interaction, grant, means_of(ehr, now))
    try:
        wanted = next(serving)
        while True:
            wanted = serving.send(store.perform(connection, now, wanted, rules))
    except StopIteration as end:
        answer: Answer = end.value
        return answer


async def _upstream(ehr: SandboxEhr, interaction: Interaction, token: str) -> Answer | None:
    assert ehr.upstream is not None
    grant = await ehr.database.run(lambda connection, now: find_grant(connection, now, token))
    if grant is None:
        return None
    serving = face.serve(interaction, grant, means_of(ehr, ehr.clock()))
    async with ehr.upstream.turns(interaction):
        try:
            wanted = next(serving)
            while True:
                wanted = serving.send(await ehr.upstream.perform(wanted))
        except StopIteration as end:
            answer: Answer = end.value
            return answer
