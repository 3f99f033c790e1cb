"""What the server behind says of a resource, as it goes on: its own bytes only where the codec would write the same."""

import pytest

from r4 import codec
from r4.interaction import Interaction
from sandbox.rewording import answered

READ = Interaction(action="read", type="Observation", id="o1")
COMPACT = b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.00}}'


def test_a_compact_resource_goes_on_as_it_came() -> None:
    answer = answered(200, {}, COMPACT, READ, base="http://ehr/fhir")
    assert (answer.encoded, answer.resource) == (COMPACT, codec.parse(COMPACT))


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + COMPACT, COMPACT.replace(b'{"r', b'{\n  "r'), b" " + COMPACT])
def test_any_other_is_written_anew(data: bytes) -> None:
    answer = answered(200, {}, data, READ, base="http://ehr/fhir")
    assert (answer.encoded, codec.format(answer.resource)) == (None, COMPACT)


def test_what_the_codec_refuses_goes_nowhere() -> None:
    twice = COMPACT.replace(b'"id":"o1"', b'"id":"o1","id":"o2"')
    answer = answered(200, {}, twice, READ, base="http://ehr/fhir")
    assert (answer.status, answer.encoded) == (503, None)
