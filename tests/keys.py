"""One set of signing keys for a whole test run: making them takes longer than most tests."""

from auth.keys import SigningKeys

KEYS = SigningKeys.generate()
