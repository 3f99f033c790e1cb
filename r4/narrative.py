"""The XHTML of a narrative: what R4 allows in ``text.div`` (R4 §2.31 narrative, constraints txt-1 and txt-2)."""

from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"
ELEMENTS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "big",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "ul",
        "var",
    ]
)
ATTRIBUTES = frozenset(
    [
        "abbr",
        "accesskey",
        "align",
        "alt",
        "axis",
        "bgcolor",
        "border",
        "cellhalign",
        "cellpadding",
        "cellspacing",
        "cellvalign",
        "char",
        "charoff",
        "charset",
        "cite",
        "class",
        "colspan",
        "compact",
        "coords",
        "dir",
        "frame",
        "headers",
        "height",
        "href",
        "hreflang",
        "hspace",
        "id",
        "lang",
        "longdesc",
        "name",
        "nowrap",
        "rel",
        "rev",
        "rowspan",
        "rules",
        "scope",
        "shape",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "tabindex",
        "title",
        "type",
        "valign",
        "value",
        "vspace",
        "width",
        "xml:lang",
        "xmlns",
    ]
)
FORBIDDEN_SCHEMES = ("javascript:", "vbscript:", "data:text")
LIMIT = 1024 * 1024


class _Refused(Exception):
    pass


def narrative_fault(value: Any) -> str | None:
    """What is wrong with a ``div``, or None. No scripts, forms, frames or event attributes; some content."""
    if not isinstance(value, str) or len(value) > LIMIT:
        return "must be an XHTML div of at most 1 MB"
    if "<!DOCTYPE" in value or "<!ENTITY" in value or "<?" in value:
        return "must not hold declarations or processing instructions (txt-1)"
    seen: list[str] = []
    try:
        for name in _names(value, seen):
            if name not in ELEMENTS:
                return "must use only the elements that R4 allows in a narrative (txt-1)"
    except (expat.ExpatError, ValueError):
        return "must be well-formed XHTML"
    except _Refused as refused:
        return str(refused)
    return None if any(seen) else "must have some content (txt-2)"


def _names(value: str, content: list[str]) -> Iterator[str]:
    """The element names of the fragment; collects what there is to see."""
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def start(name: str, attributes: dict[str, str]) -> None:
        if not names and (name != "div" or attributes.get("xmlns") != XHTML):
            raise _Refused("must be a div in the XHTML namespace (txt-1)")
        for attribute, text in attributes.items():
            if attribute not in ATTRIBUTES or text.strip().lower().startswith(FORBIDDEN_SCHEMES):
                raise _Refused("must use only the attributes that R4 allows in a narrative (txt-1)")
        names.append(name)
        if name == "img":
            content.append(attributes.get("alt", "") or attributes.get("src", ""))

    parser.StartElementHandler = start
    parser.CharacterDataHandler = lambda text: content.append(text.strip())
    parser.Parse(_with_entities(value), True)
    return iter(names)


def _with_entities(value: str) -> str:
    """XHTML's named entities as characters: XML itself knows only five."""
    from html import unescape
    from re import sub

    keep = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"}
    return sub(r"&[A-Za-z][A-Za-z0-9]*;", lambda found: found[0] if found[0] in keep else unescape(found[0]), value)
