"""Expand, then contract, under kills: the schema goes up and down below delivering workers, and nothing is lost or doubled.

In the short form both workers are of this release, which runs on both revisions with what delivers; in the full form one of them
is the release before, taken out of this repository's history.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.crash.delivery_judge import record
from tests.crash.delivery_kills import Nursery
from tests.crash.delivery_releases import alternate, at_head, release_before

SEED, KILLS = 20264, 24
NewStore = Callable[[str, Path], str]


def test_the_schema_goes_up_and_down_below_killed_workers(
    nursery: Nursery, tmp_path: Path, new_store: NewStore
) -> None:
    url = new_store("postgres", tmp_path)
    found, moved, _ = alternate([nursery, nursery], tmp_path, url, "put", kills=4, seed=SEED, every=2, killed=False)
    assert found.problems == []
    assert moved == 2
    assert found.kept > 40
    assert at_head(url)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["put", "conditional", "post"])
def test_this_release_and_the_one_before_deliver_from_one_database_under_kills(
    nursery: Nursery, tmp_path: Path, new_store: NewStore, kind: str
) -> None:
    tree = release_before(tmp_path)
    if tree is None:
        missing("the release before is not in this clone: git fetch --unshallow")
    url = new_store("postgres", tmp_path)
    with contextlib.closing(Nursery(tmp_path, root=tree)) as before:
        found, moved, cut = alternate(
            [nursery, before], tmp_path / kind, url, kind, kills=KILLS, seed=SEED, every=3, killed=True
        )
    record(
        f"17 releases N-1 and N, schema up and down: {kind}", bar="lost 0, doubled 0", kills=KILLS, moves=moved,
        moves_killed=cut, **found.figures, seed=SEED,
    )  # fmt: skip
    assert found.problems == []
    assert moved >= 4
    assert at_head(url)
