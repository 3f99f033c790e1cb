"""However a path or the name of a parameter is spelt, it means what it says plainly, or it is refused."""

import asyncio
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from r4 import requests
from tests.fuzz.records import CANARY
from tests.fuzz.wire import Got, Sent, pass_through
from tests.fuzz.world import EHR, World, bearer, build
from tests.property.oracle import Oracle

RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = (
    "Patient/p1", "Patient/p2", "Observation/o10", "Observation/o20", "Observation/o20/_history/1", "Observation/o20/_history", "Binary/b2",
    "Patient/p2/$everything", "Patient/p2/Observation", "Patient/p1/Observation", "Observation", "Group/both", "Provenance/pvx", "metadata",
)  # fmt: skip
PIECES = (
    "/.", "/./", "/..", "/../", "//", "/", ";a=b", ";/", "%00", "%2f", "%2F..", "%2e%2e/", "/%2e%2e/p2", "\\", "%5c", "%c0%ae%c0%ae/", "%c0%af", "%e0%80%af",
    "%252e%252e/", "%u002e", "?", "%3f_id=p2", "#", "%23", " ", "%20", "+", "%09", "%0d%0a", "\uff0f", "\uff0e\uff0e\uff0f", "\u2024", "p2", "%ff", "%", "%2", ".json", "~", "*",
)  # fmt: skip
"""What is put somewhere into a path."""
SEARCHED = "Observation"
NAMES = (
    "patient",
    "subject",
    "_id",
    "performer",
    "_include",
    "_revinclude",
    "_has:Observation:patient:code",
    "subject:Patient",
    "patient.name",
)
GIVEN = {"_id": "o20", "_include": "Observation:performer", "_revinclude": "Provenance:target", "patient.name": CANARY}


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[World, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        made, _ = runner.run(build())
        yield made, runner
        made.close()


@st.composite
def spelt(draw: st.DrawFn, plain: str) -> str:
    """The same text with some characters escaped (once, twice, in either case), in another case, or with a piece put in."""
    made: list[str] = []
    ways = draw(
        st.sampled_from([["as it is"], ["as it is"] * 3 + ["escaped", "lower"], ["as it is"] * 30 + ["twice", "cased"]])
    )
    for character in plain:
        how = draw(st.sampled_from(ways))
        escaped = f"%{ord(character):02X}"
        made.append(
            {
                "as it is": character,
                "escaped": escaped,
                "lower": escaped.lower(),
                "twice": "%25" + escaped[1:],
                "cased": character.swapcase(),
            }[how]
        )
    for _ in range(draw(st.integers(0, 2))):
        edges = [0, len(made), *(place for place, part in enumerate(made) if part == "/")]
        place = draw(st.one_of(st.sampled_from(edges), st.integers(0, len(made))))
        made.insert(place, draw(st.sampled_from(PIECES)))
    return "".join(made)


def ask(world: World, runner: asyncio.Runner, method: str, path: str, query: str = "") -> tuple[Got, bool]:
    """The answer, and whether anything in the store was changed. ``path`` is below the FHIR base."""
    raw = quote(path.encode("utf-8", "surrogatepass"), safe="/%$*;=:@!,&'()+~.-_\\")
    headers = ((b"authorization", f"Bearer {bearer('patient')}".encode()),)
    sent = Sent(method=method, path=f"{EHR}/fhir/{raw}", query=query.encode(), headers=headers)
    oracle = Oracle(world.database.raw)
    with world.database.one_request():
        before = oracle.rows()
        got = runner.run(pass_through(world.app, sent))
        return got, oracle.rows() != before


def same_or_refused(plain: Got, other: Got) -> bool:
    return other.status >= 400 or (plain.status, plain.body) == (other.status, other.body)


Place = tuple[World, asyncio.Runner]


@RELAXED
@given(data=st.data(), path=st.sampled_from(PATHS))
def test_a_path_spelt_otherwise_is_read_alike_or_refused(world: Place, data: st.DataObject, path: str) -> None:
    plain, _ = ask(*world, "GET", path)
    other, changed = ask(*world, "GET", data.draw(spelt(path)))
    assert same_or_refused(plain, other)
    assert not changed
    assert CANARY.encode() not in other.body


@RELAXED
@given(
    data=st.data(),
    path=st.sampled_from(["Observation/o20", "Patient/p2", "Group/both", "Device/model", "Practitioner/d1"]),
)
def test_what_may_not_be_deleted_is_not_deleted_by_another_spelling(
    world: Place, data: st.DataObject, path: str
) -> None:
    other, changed = ask(*world, "DELETE", data.draw(spelt(path)))
    assert not changed
    assert other.status >= 400 or other.status == 204


@RELAXED
@given(data=st.data(), name=st.sampled_from(NAMES), first=st.booleans())
def test_the_name_of_a_parameter_spelt_otherwise_means_the_same_or_is_refused(
    world: Place, data: st.DataObject, name: str, first: bool
) -> None:
    value = GIVEN.get(name, "Patient/p2")
    own = urlencode({"patient": "p1", "_count": "50"})

    def said(parameter: str) -> str:
        pair = f"{parameter}={quote(value)}"
        return f"{pair}&{own}" if first else f"{own}&{pair}"

    odd = (
        quote(data.draw(spelt(name)).encode("utf-8", "surrogatepass"), safe="%:;_.+*'()!~-")
        .replace("&", "%26")
        .replace("=", "%3D")
    )
    plain, _ = ask(*world, "GET", SEARCHED, said(quote(name)))
    other, _ = ask(*world, "GET", SEARCHED, said(odd))
    assert CANARY.encode() not in other.body
    assert other.status >= 400 or b'"id":"o20"' not in other.body
    if plain.status >= 400:
        assert other.status >= 400 or _unnamed(odd), (odd, other.status)


def _unnamed(odd: str) -> bool:
    """What is left of the name is another one that the server knows, or none: then the plain name's answer says nothing."""
    plain = odd.partition("%3D")[0].partition("%26")[0]
    return plain in ("", "_format", "_pretty") or "%26" in odd


def test_a_server_that_resolves_dots_is_found_out(world: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failing twin: a path that is cleaned instead of refused."""

    def cleaned(path: str) -> list[str]:
        kept: list[str] = []
        for part in requests.unquote(path).split("/"):
            kept = kept[:-1] if part == ".." else [*kept, part] if part not in ("", ".") else kept
        return kept

    from r4 import interaction

    monkeypatch.setattr(interaction, "segments_of", cleaned)

    @settings(RELAXED, max_examples=200, derandomize=True, database=None, phases=[Phase.generate])
    @given(data=st.data(), path=st.sampled_from(PATHS))
    def property(data: st.DataObject, path: str) -> None:
        plain, _ = ask(*world, "GET", path)
        climbing = st.just(f"{path}/../../Observation/o10")
        assert same_or_refused(plain, ask(*world, "GET", data.draw(spelt(path) | climbing))[0])

    with pytest.raises(AssertionError):
        property()
