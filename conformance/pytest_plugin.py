"""Edge: the fixture ``chartgate_ehr``: a running sandbox EHR for the tests of any project that has this package installed.

Options ``--chartgate-persona --chartgate-faults --chartgate-seed --chartgate-upstream --chartgate-command`` say what is
started, and the marker ``chartgate(persona=…, faults=[…], seed=…, upstream=…, own=True)`` what is so for one test, class or
module. Tests that want the same share one EHR; ``own=True`` gives a fresh one. docs/how-to/test-your-app-in-ci.md

With ``--chartgate-url URL`` each conformance check of that server is a test item beside the project's own
(docs/how-to/conform-in-ci.md).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.ehr_client import SandboxEhr
    from conformance.running_ehr import Wanted

MARKER = (
    "chartgate(persona, faults, seed, upstream, own): the sandbox EHR that chartgate_ehr is for this test; "
    "own=True shares it with no other"
)
Factory = Callable[..., "SandboxEhr"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("chartgate", "a sandbox EHR for tests")
    group.addoption("--chartgate-persona", default="spec", metavar="NAME", help="how the EHR departs from FHIR (spec)")
    group.addoption("--chartgate-faults", default="", metavar="A,B", help="faults that are on from the start")
    group.addoption("--chartgate-seed", metavar="SEED", help="clean, messy, messy:RATE or messy:RATE:N")
    group.addoption(
        "--chartgate-upstream", default="embedded", metavar="EHR", help="embedded, hapi, or a FHIR base (embedded)"
    )
    group.addoption("--chartgate-command", metavar="WORDS", help="the chartgate command, where it is not on the path")
    _conformance_options(parser.getgroup("chartgate conformance", "each check of a server as a test"))


def _conformance_options(group: pytest.OptionGroup) -> None:
    group.addoption("--chartgate-url", metavar="URL", help="the FHIR base of the server that is judged")
    group.addoption("--chartgate-suite", default="", metavar="A,B", help="suites (all that judge a FHIR server)")
    group.addoption("--chartgate-writes", action="store_true", help="also what writes; it cleans up after itself")
    group.addoption("--chartgate-slow", action="store_true", help="also what has to wait")
    group.addoption("--chartgate-client", metavar="FILE", help="a registered client (JSON)")
    group.addoption("--chartgate-deadline", type=float, default=300.0, metavar="S", help="seconds for the run (300)")
    group.addoption("--chartgate-report", metavar="DIR", help="where reports are written")
    group.addoption("--chartgate-format", default="json,html", metavar="A,B", help="their formats (json,html)")


def pytest_configure(config: pytest.Config) -> None:
    """The marker is known, also under --strict-markers."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """The checks stand behind the project's own tests."""
    if config.getoption("--chartgate-url"):
        from conformance import pytest_checks

        items += pytest_checks.items(session, pytest_checks.looking_of(config))


@pytest.fixture(scope="session")
def chartgate_ehrs(request: pytest.FixtureRequest) -> Iterator[Factory]:
    """``chartgate_ehrs(persona="spec", …)`` starts a sandbox EHR, or gives the one that was started so; for session and
    module fixtures, and for two EHRs side by side. All are stopped at the end."""
    started: dict[Wanted, SandboxEhr] = {}
    with contextlib.ExitStack() as stack:

        def start(**changes: Any) -> "SandboxEhr":
            wanted = _wanted(request.config, changes)
            if wanted not in started:
                started[wanted] = stack.enter_context(_running(wanted))
            return started[wanted]

        yield start


@pytest.fixture
def chartgate_ehr(request: pytest.FixtureRequest) -> Iterator["SandboxEhr"]:
    """The sandbox EHR of this test. Faults that the test switched are as before when it ends."""
    marker = request.node.get_closest_marker("chartgate")
    changes = dict(marker.kwargs) if marker else {}
    own, wanted = changes.pop("own", False), _wanted(request.config, changes)
    if own:
        with _running(wanted) as ehr:
            yield ehr
    else:
        shared: SandboxEhr = request.getfixturevalue("chartgate_ehrs")(**changes)
        yield shared
        shared.faults.restore(*wanted.faults)


@contextlib.contextmanager
def _running(wanted: "Wanted") -> Iterator["SandboxEhr"]:
    """As ``running_ehr.running``; what could not start ends the test with the reason, not with a traceback."""
    from conformance.running_ehr import CannotStart, running

    with contextlib.ExitStack() as stack:
        try:
            ehr = stack.enter_context(running(wanted))
        except CannotStart as failure:
            pytest.fail(str(failure), pytrace=False)
        yield ehr


def _wanted(config: pytest.Config, changes: dict[str, Any]) -> "Wanted":
    """What the command line says, with the changes of a marker or call."""
    from conformance.running_ehr import Wanted

    named = tuple(name for name in config.getoption("--chartgate-faults").split(",") if name)
    wanted = Wanted(
        persona=config.getoption("--chartgate-persona"), faults=named, seed=config.getoption("--chartgate-seed"),
        upstream=config.getoption("--chartgate-upstream"), command=config.getoption("--chartgate-command"),
    )  # fmt: skip
    if "faults" in changes:
        changes = {**changes, "faults": tuple(changes["faults"])}
    try:
        return replace(wanted, **changes)
    except TypeError:
        raise pytest.UsageError(f"{MARKER}; there is no other argument") from None
