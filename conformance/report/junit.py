"""A report as JUnit XML, as CI systems read it."""

from xml.etree import ElementTree

from conformance.report.showing import Shown, ShownCheck

WORDS = {"fail": "failure", "error": "error", "skip": "skipped"}


def junit(shown: Shown) -> bytes:
    """A test suite for each suite, a test case for each check."""
    root = ElementTree.Element("testsuites", name="conformance", time=str(shown.report.seconds))
    for suite in shown.report.suites:
        items = [item for item in shown.checks if item.suite == suite]
        counts = shown.counts(suite)
        node = ElementTree.SubElement(
            root, "testsuite", name=suite, tests=str(len(items)), failures=str(counts["fail"]),
            errors=str(counts["error"]), skipped=str(counts["skip"]), time=str(shown.report.took.get(suite, 0.0)),
            timestamp=shown.report.started.partition("+")[0],
        )  # fmt: skip
        for item in items:
            _case(node, item, shown)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(node: ElementTree.Element, item: ShownCheck, shown: Shown) -> None:
    case = ElementTree.SubElement(node, "testcase", classname=f"conformance.{item.suite}", name=item.id)
    if word := WORDS.get(item.result):
        said = ElementTree.SubElement(case, word, message=_legible("; ".join(item.problems)))
        if item.result != "skip":
            commands = [shown.exchanges[number - 1].command for _, number in item.seen]
            said.text = _legible("\n\n".join([item.title, *item.problems, item.fix, *commands]))


def _legible(text: str) -> str:
    """XML has no control characters."""
    return "".join(each if each.isprintable() or each in "\n\t" else " " for each in text)
