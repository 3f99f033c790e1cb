"""An answer, and what a check says of it: values for tests of single checks."""

import json
from collections.abc import Mapping
from typing import Any

from conformance.check import Check, judge
from conformance.evidence import Evidence, Exchange
from conformance.suites import SUITES

BASE = "http://ehr.example/fhir"
CHECKS: Mapping[str, Check] = {item.id: item for suite in SUITES.values() for item in suite.checks}


def said(body: Any = None, status: int = 200, *, url: str = f"{BASE}/Observation", **changes: Any) -> Exchange:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Exchange(method="GET", url=url, status=status, body=content, **changes)


def result(id: str, **evidence: Any) -> str:
    made = Evidence()
    for name, value in evidence.items():
        made[name.replace("_", " ")] = value
    return judge(CHECKS[id], "s", made).result


def smart(*capabilities: str, **members: Any) -> Exchange:
    return said(
        {"token_endpoint": "x", "capabilities": list(capabilities), **members},
        url=f"{BASE}/.well-known/smart-configuration",
    )
