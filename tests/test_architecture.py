"""The house rules that can be executed: who imports whom, sizes, names, and where clocks and sockets may stand."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("r4", "vocabulary", "auth", "sandbox", "fidelity", "writeback", "monitoring", "conformance", "gateway")
LEAVES = {"r4", "vocabulary"}
MAY_IMPORT = {
    **{room: {*LEAVES, room} for room in ROOMS},
    "conformance": {"conformance"},
    "gateway": set(ROOMS) - {"conformance"},
}
BANNED_NAMES = {
    "utils",
    "helpers",
    "common",
    "misc",
    "base",
    "core",
    "manager",
    "service",
    "handler",
    "processor",
    "engine",
}
EDGE_LIBRARIES = {"httpx2", "aiohttp", "socket", "subprocess", "secrets", "random", "sqlite3", "psycopg", "uvicorn"}
CLOCKS = re.compile(
    r"\b(time\.(time|monotonic|perf_counter)\(|datetime\.(now|utcnow|today)\(|date\.today\(|uuid[14]\(|urandom\()"
)


def files() -> Iterator[tuple[str, Path]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "generated" not in path.parts:
                yield str(path.relative_to(ROOT)), path


FILES = dict(files())
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}


def is_edge(name: str) -> bool:
    return name.startswith("gateway/") or (ast.get_docstring(TREES[name]) or "").startswith("Edge:")


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def offenders(rule: Callable[[str], object], names: Iterable[str] = FILES) -> dict[str, object]:
    """What the rule finds wrong, by file; one test a rule says it of thousands of files in a second."""
    return {name: found for name in names if (found := rule(name))}


def foreign_imports(name: str) -> set[str]:
    room = name.split("/")[0]
    allowed = MAY_IMPORT[room] | ({"conformance"} if name.startswith("gateway/cli/") else set())
    return {module for module in imports(TREES[name]) if module.split(".")[0] in set(ROOMS) - allowed}


def test_a_room_imports_only_itself_and_the_leaf_rooms() -> None:
    assert offenders(foreign_imports) == {}


def test_a_file_has_at_most_three_hundred_lines() -> None:
    assert offenders(lambda name: len(FILES[name].read_text().splitlines()) > 300) == {}


def long_functions(name: str) -> list[str]:
    return [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _body_lines(node) > 30
    ]


def test_a_function_has_at_most_thirty_lines() -> None:
    assert offenders(long_functions) == {}


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the statements; the docstring and the signature explain, they do not do."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def banned_names(name: str) -> set[str]:
    return BANNED_NAMES & (
        {Path(name).stem.lower()}
        | {
            word.lower()
            for node in ast.walk(TREES[name])
            if isinstance(node, ast.ClassDef)
            for word in re.findall(r"[A-Z][a-z]*", node.name)
        }
    )


def test_no_file_or_class_has_a_name_that_says_nothing() -> None:
    assert offenders(banned_names) == {}


def clocks_and_sockets(name: str) -> list[str]:
    clocks = [found[0] for found in CLOCKS.finditer(FILES[name].read_text())]
    return clocks + sorted({module.split(".")[0] for module in imports(TREES[name])} & EDGE_LIBRARIES)


def test_a_pure_file_reads_no_clock_draws_no_randomness_and_opens_no_socket() -> None:
    pure = [name for name in FILES if not is_edge(name)]
    assert len(pure) > 200
    assert offenders(clocks_and_sockets, pure) == {}


def test_the_leaf_rooms_are_pure() -> None:
    leaves = {name for name in FILES if name.startswith(("r4/", "vocabulary/"))}
    assert {name for name in leaves if is_edge(name)} == {"r4/generate.py"}


def unmarked_readers(name: str) -> set[str]:
    if "not FHIR" in FILES[name].read_text():
        return set()
    return {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.attr in ("loads", "decode", "json")
        and node.func.value.id in ("json", "orjson", "msgspec")
    }


def test_fhir_bodies_are_read_by_the_codec_only() -> None:
    """Or `# not FHIR` stands beside the reader, with what it reads."""
    names = [name for name in FILES if name.startswith(("sandbox/", "writeback/", "fidelity/", "auth/access/"))]
    assert offenders(unmarked_readers, names) == {}


def bare_models(name: str) -> set[str]:
    """``fhir.resources`` by itself is R5, whose resources are others."""
    found = {module for module in imports(TREES[name]) if module == "fhir" or module.startswith("fhir.resources")}
    return {module for module in found if not (module + ".").startswith("fhir.resources.R4B.")}


def test_models_of_fhir_are_those_of_r4b() -> None:
    assert offenders(bare_models) == {}
    assert any("fhir.resources.R4B" in set(imports(tree)) for tree in TREES.values())


def test_every_public_function_of_a_room_has_a_docstring() -> None:
    bare = [
        f"{name}:{node.name}"
        for name, tree in TREES.items()
        if not name.startswith("gateway/")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_the_rules_above_notice_a_breach() -> None:
    """The failing twin of this file: each rule is shown one breach."""
    breach = ast.parse("import sandbox.store\nclass DataManager: ...\n")
    assert "sandbox" in {module.split(".")[0] for module in imports(breach)} - MAY_IMPORT["auth"]
    assert {"manager"} <= BANNED_NAMES
    assert CLOCKS.search("now = time.time()")
    assert offenders(len, ["", "r4"]) == {"r4": 2}


BELOW = {
    "lexicon": set(),
    "adapters": {"lexicon"},
    "speaking": set(),
    "wire": {"speaking"},
    "ledger": {"speaking"},
    "afterwards": {"lexicon", "adapters", "speaking", "wire", "ledger"},
}
"""The packages of write-back, and which others each may know (docs/decisions/0013)."""


def above(name: str) -> set[str]:
    package = name.split("/")[1]
    inside = (module.split(".")[1] for module in imports(TREES[name]) if module.startswith("writeback."))
    return {other for other in inside if other in BELOW and other != package} - BELOW[package]


def test_the_packages_of_write_back_know_one_another_in_one_direction() -> None:
    names = [name for name in FILES if name.startswith("writeback/") and name.count("/") > 1]
    assert {name.split("/")[1] for name in names} == set(BELOW)
    assert offenders(above, names) == {}
