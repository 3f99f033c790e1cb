"""Holes: what a careless author would have written instead of a guard. Each is put into a target of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def nothing_is_checked(patch: Patch, target: Target) -> None:
    """Requests go down and answers come up as they are."""

    def check(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return interaction
        yield

    def recheck(interaction: Any, answer: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return answer
        yield

    patch.setattr("gateway.face.check", check)
    patch.setattr("gateway.face.recheck", recheck)
