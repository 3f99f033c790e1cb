"""What the authorization server keeps, row by row on a connection: used once, until its time, by its client."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, create_engine

from auth import scopes
from auth.server import clients, grants, introspection, launches, requests
from auth.server.clients import Client
from auth.server.grants import ACCESS_LIFE, BACKEND_LIFE, CODE_LIFE, REFRESH_LIFE, Context
from auth.server.introspection import Asker
from auth.server.launches import Launch
from auth.server.steps import Asked
from auth.server.tables import metadata

NOW = 1_800_000_000.0


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as made:
        yield made
    engine.dispose()


def granted(
    connection: Connection, words: str, *, id: str = "g", client_id: str = "c", life: float = ACCESS_LIFE
) -> None:
    """A grant of that id with an access token ``a-id`` and a refresh token ``r-id``."""
    grants.save_grant(
        connection, NOW, id=id, client_id=client_id, scopes=scopes.parse(words), context=Context(patient="p")
    )
    grants.save_access(connection, NOW, token=f"a-{id}", grant=id, scopes=words, life=life)
    grants.save_refresh(connection, NOW, token=f"r-{id}", grant=id)


@pytest.mark.parametrize(
    ("words", "level"),
    [("patient/*.rs", "patient"), ("user/*.rs", "user"), ("system/*.rs", "system"), ("patient/*.rs user/*.rs", "user"),
     ("user/*.rs system/*.rs", "system"), ("patient/*.rs system/*.rs", "system"), ("openid launch", None)],
)  # fmt: skip
def test_the_level_of_a_grant_is_the_widest_of_its_scopes(
    connection: Connection, words: str, level: str | None
) -> None:
    granted(connection, words)
    found = grants.find_by_id(connection, NOW, "g")
    assert found is not None
    assert found.level == level
    assert (found.patient, found.client_id, found.issued) == ("p", "c", NOW)


@pytest.mark.parametrize(
    ("words", "life"), [("patient/*.rs", ACCESS_LIFE), ("system/*.rs", BACKEND_LIFE), ("openid", ACCESS_LIFE)]
)
def test_a_token_in_force_says_when_it_was_issued(connection: Connection, words: str, life: float) -> None:
    granted(connection, words, life=life)
    access, refresh = (grants.find_token(connection, NOW + 1, token) for token in ("a-g", "r-g"))
    assert access is not None
    assert refresh is not None
    assert (access.kind, access.at, access.granted) == ("access", NOW, scopes.parse(words))
    assert (refresh.kind, refresh.at, refresh.granted) == ("refresh", NOW, scopes.parse(words))
    assert grants.find_token(connection, NOW, "unknown") is None


def test_a_token_for_less_knows_what_was_granted_with_it(connection: Connection) -> None:
    granted(connection, "openid patient/*.rs")
    grants.save_access(connection, NOW, token="less", grant="g", scopes="patient/*.rs", life=ACCESS_LIFE)
    found = grants.find_token(connection, NOW, "less")
    assert found is not None
    assert (found.grant.scopes, found.granted) == (scopes.parse("patient/*.rs"), scopes.parse("openid patient/*.rs"))


@pytest.mark.parametrize(
    "context", [Context(), Context(patient="p", need_patient_banner=False, fhir_context=({"reference": "X/1"},))]
)
def test_a_context_comes_back_as_it_was_kept(context: Context) -> None:
    assert grants.parse_context(grants.format_context(context)) == context
    assert grants.parse_context('{"patient": "p", "fhir_context": null}') == Context(patient="p")


def test_a_token_opens_nothing_once_it_is_late_rotated_out_or_revoked(connection: Connection) -> None:
    granted(connection, "patient/*.rs")
    assert grants.find_grant(connection, NOW + ACCESS_LIFE - 1, "a-g") is not None
    assert grants.find_grant(connection, NOW + ACCESS_LIFE, "a-g") is None
    assert grants.find_refresh(connection, NOW + REFRESH_LIFE, "r-g") is None
    assert [grants.take_refresh(connection, NOW, "r-g") for _ in range(2)] == [True, False]
    found = grants.find_refresh(connection, NOW + REFRESH_LIFE - 1, "r-g")
    assert found is not None
    assert found[1] is True
    assert grants.find_token(connection, NOW, "r-g") is None
    grants.revoke_grant(connection, NOW, "g")
    assert grants.find_grant(connection, NOW, "a-g") is None
    assert grants.find_refresh(connection, NOW, "r-g") is None
    assert grants.find_by_id(connection, NOW, "g") is None


def test_what_a_client_revokes_is_its_own(connection: Connection) -> None:
    granted(connection, "patient/*.rs")
    for token in ("a-g", "r-g", "unknown"):
        grants.revoke_token(connection, NOW, token=token, client_id="other")
        assert grants.find_grant(connection, NOW, "a-g") is not None
    grants.revoke_token(connection, NOW, token="a-g", client_id="c")
    assert grants.find_grant(connection, NOW, "a-g") is None
    assert grants.find_refresh(connection, NOW, "r-g") is not None
    grants.revoke_token(connection, NOW, token="r-g", client_id="c")
    assert grants.find_refresh(connection, NOW, "r-g") is None


def code(connection: Connection) -> None:
    grants.save_code(connection, NOW, code="x", grant="g", redirect_uri="https://a/cb", challenge="ch", nonce="n")


def test_a_code_is_used_once_and_within_its_minute(connection: Connection) -> None:
    granted(connection, "patient/*.rs")
    code(connection)
    assert grants.find_code(connection, NOW + CODE_LIFE - 1, "x") == grants.Code(
        grant="g", redirect_uri="https://a/cb", challenge="ch", nonce="n"
    )
    assert grants.find_code(connection, NOW + CODE_LIFE, "x") is None
    assert grants.find_code(connection, NOW, "y") is None
    assert not grants.take_code(connection, NOW + CODE_LIFE, "x")
    assert grants.find_by_id(connection, NOW, "g") is not None
    assert [grants.take_code(connection, NOW, "x") for _ in range(2)] == [True, False]
    assert grants.find_code(connection, NOW, "x") is None
    assert grants.find_by_id(connection, NOW, "g") is None, "somebody holds a copy"


def test_codes_and_assertions_are_swept_when_they_are_long_past(connection: Connection) -> None:
    granted(connection, "patient/*.rs")
    code(connection)
    grants.save_code(
        connection, NOW + CODE_LIFE + 600, code="y", grant="g", redirect_uri="u", challenge="c", nonce=None
    )
    assert grants.take_code(connection, NOW, "x")
    grants.save_code(
        connection, NOW + CODE_LIFE + 601, code="z", grant="g", redirect_uri="u", challenge="c", nonce=None
    )
    assert grants.find_code(connection, NOW, "x") is None
    assert grants.find_by_id(connection, NOW, "g") is not None, "forgotten, not used twice"

    def take(at: float, client: str = "c") -> bool:
        return grants.take_assertion(connection, at, client_id=client, jti="j", expires=at + 60)

    assert [take(NOW), take(NOW + 60), take(NOW, "d"), take(NOW + 61)] == [True, False, True, True]


def test_whether_some_grant_has_a_fault(connection: Connection) -> None:
    granted(connection, "patient/*.rs")
    assert not grants.any_faults(connection, NOW)
    grants.save_grant(connection, NOW, id="f", client_id="c", scopes=(), context=Context(), faults=("a", "b"))
    assert grants.any_faults(connection, NOW)
    found = grants.find_by_id(connection, NOW, "f")
    assert found is not None
    assert found.faults == ("a", "b")


def test_a_bearer_asks_for_its_grant_and_for_all_of_its_client_where_that_is_confidential(
    connection: Connection,
) -> None:
    granted(connection, "patient/*.rs")
    assert introspection.asking_bearer(connection, NOW, "a-g") is None, "the client is gone"
    assert introspection.asking_bearer(connection, NOW, "unknown") is None
    clients.save_client(connection, NOW, client=Client(id="c"))
    assert introspection.asking_bearer(connection, NOW, "a-g") == Asker(client_id="c", grant="g", whole=False)
    clients.save_client(connection, NOW, client=Client(id="c", method="private_key_jwt"))
    assert introspection.asking_bearer(connection, NOW, "a-g") == Asker(client_id="c", grant="g", whole=True)
    granted(connection, "system/*.rs introspect", id="h")
    assert introspection.asking_bearer(connection, NOW, "a-h") == Asker(client_id="c", grant="h", whole=True, any=True)
    assert not introspection.asking_client(Client(id="c")).any
    assert introspection.asking_client(Client(id="c", scope="system/*.rs introspect")).any


@pytest.mark.parametrize(
    ("asker", "knows"),
    [(Asker(client_id="c"), True), (Asker(client_id="c", grant="g", whole=False), True), (Asker(client_id="c", grant="h", whole=False), False),
     (Asker(client_id="d"), False), (Asker(client_id="d", grant="g"), False), (Asker(client_id="d", any=True), True)],
)  # fmt: skip
def test_a_token_is_its_clients_to_know(connection: Connection, asker: Asker, knows: bool) -> None:
    granted(connection, "patient/*.rs")
    assert (introspection.find(connection, NOW, token="a-g", asker=asker) is not None) is knows
    assert introspection.find(connection, NOW, token="unknown", asker=asker) is None


LAUNCH = Launch(client_id="c", context=Context(patient="p"), automatic=True, scopes="openid", faults=("x",))


def test_a_launch_is_used_once_by_its_client_within_its_time(connection: Connection) -> None:
    launches.save_launch(connection, NOW, launch=LAUNCH, secret="s")
    assert launches.take_launch(connection, NOW, secret="s", client_id="d") is None
    assert launches.take_launch(connection, NOW, secret="t", client_id="c") is None
    assert launches.take_launch(connection, NOW + launches.LAUNCH_LIFE, secret="s", client_id="c") is None
    assert launches.take_launch(connection, NOW + 1, secret="s", client_id="c") == LAUNCH
    assert launches.take_launch(connection, NOW + 1, secret="s", client_id="c") is None


def test_a_standalone_sign_in_is_prepared_once_for_a_challenge(connection: Connection) -> None:
    for patient in ("p", "q"):
        launch = replace(LAUNCH, context=Context(patient=patient))
        launches.save_standalone(connection, NOW, launch=launch, challenge="ch")
    launches.save_standalone(connection, NOW, launch=LAUNCH, challenge="other")
    found = launches.take_standalone(connection, NOW, challenge="ch", client_id="c")
    assert found is not None
    assert found.context.patient == "q"
    assert launches.take_standalone(connection, NOW, challenge="ch", client_id="c") is None
    assert launches.take_standalone(connection, NOW, challenge="other", client_id="c") == LAUNCH


ASKED = Asked(
    client_id="c", redirect_uri="https://a/cb", state="st", challenge="ch", nonce=None, scopes=scopes.parse("openid"),
    context=Context(),
)  # fmt: skip


def test_a_waiting_request_is_bound_changed_and_taken_as_it_stands(connection: Connection) -> None:
    requests.save_request(connection, NOW, asked=ASKED, key="k")
    assert requests.find_request(connection, NOW + requests.LIFE, "k") is None
    assert requests.find_request(connection, NOW, "other") is None
    assert [requests.bind_request(connection, NOW, key=key, browser=b) for key, b in (("k", "b"), ("k", "b"), ("k", "x"), ("l", "b"))] == [
        True, True, False, False,
    ]  # fmt: skip
    requests.rebind_requests(connection, NOW, old="b", new="n")
    kept = requests.find_request(connection, NOW, "k")
    assert kept is not None
    assert (kept.browser, kept.asked) == ("n", ASKED)
    picked = replace(ASKED, context=Context(patient="p"))
    assert not requests.change_request(connection, NOW + requests.LIFE, kept=kept, asked=picked)
    assert requests.change_request(connection, NOW, kept=kept, asked=picked)
    assert not requests.change_request(connection, NOW, kept=kept, asked=picked)
    assert not requests.take_request(connection, NOW, kept)
    changed = requests.find_request(connection, NOW, "k")
    assert changed is not None
    assert not requests.take_request(connection, NOW + requests.LIFE, changed)
    assert [requests.take_request(connection, NOW, changed) for _ in range(2)] == [True, False]


def test_saving_a_request_forgets_the_late_ones_only(connection: Connection) -> None:
    requests.save_request(connection, NOW, asked=ASKED, key="k")
    requests.save_request(connection, NOW + requests.LIFE - 1, asked=ASKED, key="l")
    assert requests.find_request(connection, NOW, "k") is not None
    requests.save_request(connection, NOW + requests.LIFE, asked=ASKED, key="m")
    assert requests.find_request(connection, NOW, "k") is None
    assert requests.find_request(connection, NOW, "l") is not None


def test_a_client_is_kept_changed_and_forgotten_with_what_it_was_granted(connection: Connection) -> None:
    first = Client(id="c", method="client_secret_post", redirect_uris=("https://app.example/cb",))
    clients.save_client(connection, NOW, client=first, secret="s", registration="reg")
    clients.save_client(connection, NOW, client=Client(id="d"))
    assert clients.find_client(connection, NOW, "c") == (first, clients.hashed("s"))
    assert clients.find_client(connection, NOW, "d") == (Client(id="d"), None)
    assert clients.find_client(connection, NOW, "e") is None
    assert clients.find_registration(connection, NOW, "c", "reg") == first
    assert clients.find_registration(connection, NOW, "c", "other") is None
    assert clients.find_registration(connection, NOW, "d", "reg") is None
    granted(connection, "openid")
    granted(connection, "openid", id="h", client_id="d")
    launches.save_launch(connection, NOW, launch=LAUNCH, secret="s")
    launches.save_launch(connection, NOW, launch=replace(LAUNCH, client_id="d"), secret="t")
    assert [clients.remove_client(connection, NOW, "c") for _ in range(2)] == [True, False]
    assert clients.list_clients(connection, NOW) == [Client(id="d")]
    assert [grants.find_by_id(connection, NOW, id) is None for id in ("g", "h")] == [True, False]
    assert launches.take_launch(connection, NOW, secret="s", client_id="c") is None
    assert launches.take_launch(connection, NOW, secret="t", client_id="d") is not None


def test_a_changed_client_keeps_its_secret_while_it_has_use_for_one(connection: Connection) -> None:
    basic = Client(id="c", method="client_secret_basic")
    clients.save_client(connection, NOW, client=basic, secret="s")
    for client, secret, kept in (
        (replace(basic, name="N"), None, "s"),
        (basic, "t", "t"),
        (Client(id="c"), None, None),
    ):
        clients.change_client(connection, NOW, client=client, secret=secret)
        assert clients.find_client(connection, NOW, "c") == (client, clients.hashed(kept) if kept else None)
    clients.change_client(connection, NOW, client=replace(basic, id="other"), secret="x")
    assert clients.find_client(connection, NOW, "c") == (Client(id="c"), None)


@pytest.mark.parametrize(
    ("address", "origin"),
    [("https://App.Example/cb", "https://app.example"), ("https://app.example:443/cb", "https://app.example"), ("http://app.example:80", "http://app.example"),
     ("https://app.example:80/cb", "https://app.example:80"), ("http://[::1]:8080/cb", "http://[::1]:8080"), ("app:/cb", None), ("https:///cb", None),
     ("ftp://app.example/", None)],
)  # fmt: skip
def test_the_origin_of_an_address_is_written_as_browsers_do(address: str, origin: str | None) -> None:
    assert clients.origin_of(address) == origin


def test_an_origin_is_known_by_a_redirect_address(connection: Connection) -> None:
    clients.save_client(connection, NOW, client=Client(id="c", redirect_uris=("app:/cb", "https://app.example/cb")))
    assert clients.registers_origin(connection, NOW, "https://app.example")
    assert not clients.registers_origin(connection, NOW, "https://app.exampl")
    assert clients.METHODS == ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
    assert clients.GRANT_TYPES == ("authorization_code", "refresh_token", "client_credentials")
