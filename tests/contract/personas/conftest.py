"""The personas before the embedded store, and before one HAPI."""

from collections.abc import Iterator

import pytest

from tests.contract.personas.world import World


@pytest.fixture(scope="session", params=["embedded", pytest.param("hapi", marks=pytest.mark.hapi)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = World(request.getfixturevalue("hapi") if request.param == "hapi" else None)
    yield made
    made.close()
