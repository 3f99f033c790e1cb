"""States are packed and unpacked to the bit."""

import numpy as np
import pytest

from monitoring.packing import pack, unpack


def test_a_state_survives_to_the_bit() -> None:
    state = {"a": np.array([[0.1, float("nan")], [-0.0, float("inf")]]), "b": [1, 2.5, None, "x"], "c": {"d": b"\x00"}}
    found = unpack(pack(state))
    assert pack(found) == pack(state)
    assert found["a"].tobytes() == state["a"].tobytes()  # type: ignore[attr-defined]
    assert found["a"].flags.writeable
    assert (found["b"], found["c"]) == (state["b"], state["c"])


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x01"])
def test_what_is_no_state_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed state"):
        unpack(body)
