"""Where the hand-written tables and decisions of ``auth`` and ``sandbox`` can be wrong in one place, and how."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCOPE = (
    "auth/assertions.py", "auth/discovery.py", "auth/keys.py", "auth/pkce.py", "auth/scopes.py",
    "auth/access/*.py",
    "auth/server/authentication.py", "auth/server/authorize.py", "auth/server/clients.py", "auth/server/fhir_context.py",
    "auth/server/grants.py", "auth/server/identity.py", "auth/server/introspection.py", "auth/server/launches.py",
    "auth/server/registration.py", "auth/server/requests.py", "auth/server/steps.py", "auth/server/token.py",
    "auth/server/words.py",
    "sandbox/answering.py", "sandbox/app_state.py", "sandbox/batch.py", "sandbox/bulk.py", "sandbox/capabilities.py",
    "sandbox/comparing.py", "sandbox/finding.py", "sandbox/history.py", "sandbox/indexing.py", "sandbox/paging.py",
    "sandbox/search.py", "sandbox/store.py", "sandbox/wording.py",
)  # fmt: skip
"""What decides about a request or an answer of the ``spec`` EHR. Not in it: the client's wing (``auth/client`` is on the other
side of the wire), personas, faults, seeds and upstreams (another EHR), audit, pages, tables of the database and their upgrades."""
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Site:
    """The ``place``-th change that a file offers; ``within`` is the function or table, ``says`` what is done to it."""

    file: str
    place: int
    line: int
    within: str
    says: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.within}: {self.says}"


def files() -> list[Path]:
    return sorted({path for pattern in SCOPE for path in ROOT.glob(pattern) if path.name != "__init__.py"})


def sites() -> list[Site]:
    """All of them, in the order of files and lines."""
    return [site for path in files() for site in sites_of(path)]


def sites_of(path: Path) -> list[Site]:
    name, tree = str(path.relative_to(ROOT)), ast.parse(path.read_text())
    return [
        Site(file=name, place=place, line=line, within=within, says=says)
        for place, (line, within, says, _) in enumerate(changes(tree))
    ]


def mutated(site: Site) -> ast.Module:
    """The file's tree with that one change."""
    tree = ast.parse((ROOT / site.file).read_text())
    for place, (_, _, _, change) in enumerate(changes(tree)):
        if place == site.place:
            change()
            return ast.fix_missing_locations(tree)
    raise LookupError(site.name)


def changes(tree: ast.Module) -> Iterator[tuple[int, str, str, "Change"]]:
    """Line, where, what, and the function that does it to the tree."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _rows(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _decisions(node, node.name)
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _decisions(each, f"{node.name}.{each.name}")


class Change:
    """One attribute of a node gets another value."""

    def __init__(self, node: ast.AST, field: str, value: object) -> None:
        self.node, self.field, self.value = node, field, value

    def __call__(self) -> None:
        setattr(self.node, self.field, self.value)


def _rows(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[int, str, str, Change]]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not (isinstance(target, ast.Name) and target.id.isupper() and node.value is not None):
        return
    for table in ast.walk(node.value):
        if isinstance(table, ast.Dict) and len(table.keys) > 1:
            yield from _rows_of_a_dict(target.id, table)
        elif isinstance(table, ast.Tuple | ast.List | ast.Set) and len(table.elts) > 1:
            for place, row in enumerate(table.elts):
                rest = [each for n, each in enumerate(table.elts) if n != place]
                yield row.lineno, target.id, f"without the row {ast.unparse(row)[:60]}", Change(table, "elts", rest)


def _rows_of_a_dict(name: str, table: ast.Dict) -> Iterator[tuple[int, str, str, Change]]:
    for place, key in enumerate(table.keys):
        smaller = copy.copy(table)
        smaller.keys = [each for n, each in enumerate(table.keys) if n != place]
        smaller.values = [each for n, each in enumerate(table.values) if n != place]
        says = f"without the row {ast.unparse(key)[:60] if key else '**'}"
        yield (key or table).lineno, name, says, _Rows(table, smaller)


class _Rows(Change):
    """A dict loses a key and its value."""

    def __init__(self, table: ast.Dict, smaller: ast.Dict) -> None:
        self.table, self.smaller = table, smaller

    def __call__(self) -> None:
        self.table.keys, self.table.values = self.smaller.keys, self.smaller.values


def _decisions(function: ast.AST, name: str) -> Iterator[tuple[int, str, str, Change]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITE:
            other = OPPOSITE[type(node.ops[0])]()
            yield node.lineno, name, f"{ast.unparse(node)[:60]} turned round", Change(node, "ops", [other])
        elif isinstance(node, ast.BoolOp):
            other_op: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            word = "or" if isinstance(node.op, ast.And) else "and"
            yield node.lineno, name, f"{ast.unparse(node)[:60]} by {word}", Change(node, "op", other_op)
        elif isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.Call | ast.Name | ast.Attribute):
            negated = ast.UnaryOp(op=ast.Not(), operand=node.test)
            yield node.test.lineno, name, f"if not {ast.unparse(node.test)[:60]}", Change(node, "test", negated)
