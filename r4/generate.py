"""Edge: writes ``r4/generated`` from the definitions of FHIR R4 4.0.1 (package hl7.fhir.r4.core, CC0-1.0).

    python -m r4.generate definitions.tar.gz [directory]

Deterministic: the same archive gives the same bytes. What is generated is tables; the engines that read them are written
by hand.
"""

import json
import re
import sys
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from r4 import structures as struct_source
from r4.served import QUICK, SERVED

Definition = Mapping[str, Any]
HERE = Path(__file__).parent / "generated"
SOURCE = "hl7.fhir.r4.core 4.0.1, CC0-1.0"
PRIMITIVE_SYSTEM = "http://hl7.org/fhirpath/System.String"
CODES_LIMIT = 600
"""A required value set with more codes than this (MIME types, languages, all of UCUM) is not a list to compare with."""


def main(archive: Path, directory: Path = HERE) -> None:
    """Reads the archive and writes every generated file."""
    definitions = list(_read(archive))
    structures = {d["name"]: d for d in definitions if _is_structure(d)}
    values = _ValueSets(definitions)
    elements = {name: table for d in structures.values() for name, table in _elements(d, values).items()}
    constraints = _constraints(
        structures[name] for name in sorted(structures) if name in SERVED or _is_datatype(structures[name])
    )
    directory.mkdir(exist_ok=True)
    tables: dict[str, Mapping[str, Any]] = {
        "elements.json": elements,
        "codes.json": {name: sorted(values.used[name]) for name in sorted(values.used)},
        "search.json": _search(definitions),
        "outlines.json": {name: _outline(structures[name]) for name in sorted(SERVED)},
        "compartment.json": _compartment(definitions),
        "constraints.json": constraints,
    }
    for name, value in tables.items():
        (directory / name).write_text(_dump({"": SOURCE, **value}))
    resources = sorted(name for name, d in structures.items() if d["kind"] == "resource" and not d["abstract"])
    (directory / "types.py").write_text(_types(resources))
    quick = struct_source.source(elements, tables["codes.json"], resources=QUICK, named=SOURCE)
    (directory / "structs.py").write_text(quick)
    (directory / "__init__.py").write_text(f'"""Tables generated from {SOURCE} by r4/generate.py."""\n')


def _read(archive: Path) -> Iterable[Definition]:
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda each: each.name):
            file = tar.extractfile(member) if member.name.endswith(".json") else None
            definition = json.load(file) if file is not None else {}
            if "resourceType" in definition and "url" in definition:
                yield definition


def _dump(value: Mapping[str, Any]) -> str:
    """A row a line, so that a change of the definitions can be read in a diff."""
    rows = ",\n".join(f"{json.dumps(key)}:{json.dumps(row, separators=(',', ':'))}" for key, row in value.items())
    return "{\n" + rows + "\n}\n"


def _types(resources: list[str]) -> str:
    rows = "".join(f'        "{name}",\n' for name in resources)
    return f'"""The resource types of FHIR R4. Generated from {SOURCE}."""\n\nRESOURCES = frozenset(\n    {{\n{rows}    }}\n)\n'


def _is_structure(definition: Definition) -> bool:
    return (
        definition["resourceType"] == "StructureDefinition"
        and definition["kind"] in ("resource", "complex-type", "primitive-type")
        and definition.get("derivation", "specialization") == "specialization"
    )


def _is_datatype(definition: Definition) -> bool:
    return bool(definition["kind"] == "complex-type")


def _elements(definition: Definition, values: "_ValueSets") -> dict[str, dict[str, Any]]:
    """``{path of a complex element: {member: [min, max, type, targets, codes, choice]}}``; max -1 is unbounded."""
    tables: dict[str, dict[str, Any]] = {}
    if definition["kind"] == "primitive-type":
        return tables
    root = definition["name"]
    tables[root] = {}
    for element in definition["snapshot"]["element"][1:]:
        path: str = element["path"]
        parent, _, name = path.rpartition(".")
        if element["max"] == "0":
            continue
        types = element.get("type", [])
        if any(kind["code"] in ("BackboneElement", "Element") for kind in types) and path != f"{root}.extension":
            tables[path] = {}
        rows = _rows(element, name, path, values)
        tables[parent].update(rows)
    return tables


def _rows(element: Definition, name: str, path: str, values: "_ValueSets") -> dict[str, list[Any]]:
    low, high = element["min"], -1 if element["max"] == "*" else int(element["max"])
    codes = values.required(element.get("binding"))
    if "contentReference" in element:
        return {name: [low, high, element["contentReference"].removeprefix("#"), [], None, None]}
    rows = {}
    for kind in element["type"]:
        code = kind["code"]
        if code == PRIMITIVE_SYSTEM:
            code = "id" if name == "id" and path.count(".") == 1 else "string"
        code = path if code in ("BackboneElement", "Element") else code
        member = name.replace("[x]", kind["code"][0].upper() + kind["code"][1:]) if name.endswith("[x]") else name
        choice = name.removesuffix("[x]") if name.endswith("[x]") else None
        targets = sorted(target.rpartition("/")[2] for target in kind.get("targetProfile", []))
        rows[member] = [low, high, code, targets, codes, choice]
    return rows


class _ValueSets:
    """Expands the value sets of required bindings; ``used`` holds those that are lists of codes."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        found = list(definitions)
        self._sets = {d["url"]: d for d in found if d["resourceType"] == "ValueSet"}
        self._systems = {d["url"]: d for d in found if d["resourceType"] == "CodeSystem"}
        self.used: dict[str, set[str]] = {}

    def required(self, binding: Definition | None) -> str | None:
        """The name of the code list that a required binding means, or None when it is no list."""
        if not binding or binding["strength"] != "required" or "valueSet" not in binding:
            return None
        url = binding["valueSet"].partition("|")[0]
        name = str(url.rpartition("/")[2])
        if name not in self.used:
            codes = self._expand(url)
            if codes is None or len(codes) > CODES_LIMIT:
                return None
            self.used[name] = codes
        return name

    def _expand(self, url: str) -> set[str] | None:
        definition = self._sets.get(url)
        if definition is None:
            return None
        codes: set[str] = set()
        compose = definition.get("compose", {})
        for include in compose.get("include", []):
            found = self._include(include)
            if found is None:
                return None
            codes |= found
        for exclude in compose.get("exclude", []):
            codes -= self._include(exclude) or set()
        return codes or None

    def _include(self, include: Definition) -> set[str] | None:
        if "filter" in include:
            return self._filtered(include)
        parts: list[set[str] | None] = [self._expand(url.partition("|")[0]) for url in include.get("valueSet", [])]
        if "concept" in include:
            parts.append({concept["code"] for concept in include["concept"]})
        elif "system" in include:
            system = self._systems.get(include["system"])
            complete = system is not None and system.get("content") == "complete"
            parts.append(set(_codes(system.get("concept", []))) if system is not None and complete else None)
        known = [part for part in parts if part is not None]
        return set.intersection(*known) if known and len(known) == len(parts) else None

    def _filtered(self, include: Definition) -> set[str] | None:
        """``concept is-a X`` and ``abstract``-free hierarchies of complete code systems."""
        system = self._systems.get(include.get("system", ""))
        if system is None or system.get("content") != "complete" or len(include["filter"]) != 1:
            return None
        rule = include["filter"][0]
        if rule["op"] != "is-a" or rule["property"] != "concept":
            return None
        return set(_below(system.get("concept", []), rule["value"]))


def _codes(concepts: Iterable[Definition]) -> Iterable[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _codes(concept.get("concept", []))


def _below(concepts: Iterable[Definition], root: str) -> Iterable[str]:
    for concept in concepts:
        if concept["code"] == root:
            yield from _codes([concept])
        else:
            yield from _below(concept.get("concept", []), root)


_PATH = re.compile(r"\(?([A-Z][A-Za-z]+)((?:\.[a-z][A-Za-z]*)*)")
_AS = re.compile(r"(?: as |\.as\()([A-Za-z]+)\)?")
_IS = re.compile(r"resolve\(\) is ([A-Za-z]+)")
_WHERE = re.compile(r"where\(system='([a-z]+)'\)")


def _search(definitions: Iterable[Definition]) -> dict[str, dict[str, Any]]:
    """``{type: {parameter: [kind, [[path, filter]…], targets]}}``; a filter is ``as:Quantity``, ``is:Patient`` or
    ``system:email``. Expressions that need more than paths are left out, and so is the parameter. A composite has a fourth
    member, the names of its components."""
    table: dict[str, dict[str, Any]] = {}
    known = {d["url"]: d for d in definitions if d["resourceType"] == "SearchParameter" and not _is_example(d)}
    for definition in known.values():
        for base in definition["base"] if "expression" in definition else ():
            if base in SERVED or base in ("Resource", "DomainResource"):
                row = _parameter(definition, base, known)
                if row is not None:
                    table.setdefault(base, {})[definition["code"]] = row
    return {name: dict(sorted(table[name].items())) for name in sorted(table)}


def _is_example(definition: Definition) -> bool:
    """R4 publishes examples beside its search parameters, one of them a Condition.subject that is an Organization."""
    return str(definition["url"]).rpartition("/")[2].startswith("example")


def _parameter(definition: Definition, base: str, known: Mapping[str, Definition]) -> list[Any] | None:
    if definition["type"] == "composite":
        return ["composite", [], [], [known[each["definition"]]["code"] for each in definition["component"]]]
    found = [_branch(part, base) for part in definition["expression"].split("|")]
    paths = [branch for branch in found if branch is not None]
    if not paths or definition["type"] == "special":
        return None
    return [definition["type"], paths, sorted(definition.get("target", []))]


def _outline(definition: Definition) -> list[list[str]]:
    """``[summary, modifier, mandatory]``: the members of a resource of which each is true."""
    own = [element for element in definition["snapshot"]["element"][1:] if element["path"].count(".") == 1]
    names = [element["path"].partition(".")[2].removesuffix("[x]") for element in own]
    wanted = ("isSummary", "isModifier", "min")
    return [[name for name, element in zip(names, own, strict=True) if element.get(key)] for key in wanted]


def _branch(part: str, base: str) -> list[str] | None:
    match = _PATH.match(part.strip())
    if match is None or match[1] != base or "extension(" in part.lower():
        return None
    path = match[2].removeprefix(".").removesuffix(".where").removesuffix(".as")
    for pattern, word in ((_AS, "as"), (_IS, "is"), (_WHERE, "system")):
        if (found := pattern.search(part)) is not None:
            return [path, f"{word}:{found[1]}"]
    return [path, ""]


def _compartment(definitions: Iterable[Definition]) -> dict[str, Any]:
    patient = next(d for d in definitions if d["resourceType"] == "CompartmentDefinition" and d["code"] == "Patient")
    return {row["code"]: row["param"] for row in patient["resource"] if row.get("param")}


def _constraints(structures: Iterable[Definition]) -> dict[str, Any]:
    """``{key: [human, expression, [paths]]}`` of the error-level constraints, each where it is first stated."""
    table: dict[str, Any] = {}
    for structure in structures:
        for element in structure["snapshot"]["element"]:
            for constraint in element.get("constraint", []):
                if constraint["severity"] == "error":
                    row = table.setdefault(
                        constraint["key"], [constraint["human"], constraint.get("expression", ""), []]
                    )
                    if constraint.get("source", "").endswith(f"/{structure['name']}"):
                        row[2].append(element["path"])
    return {key: table[key] for key in sorted(table)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else HERE)
