"""Bytes as choices: what a coverage-guided fuzzer changes, read the same way with it and without it."""

from collections.abc import Sequence
from typing import TypeVar

from r4 import codec
from tests.property.write_strategies import NASTY

T = TypeVar("T")
MARK = "qzmk"
"""Stands in every word of an input that no error may repeat."""
DIGITS = "73190218"
"""The same for its hostile numbers."""
NUMBERS = (
    "1e300", "-0", "1E-300", f"{DIGITS}.5", f"-{DIGITS}", f"{DIGITS}e290", f"0.{DIGITS}{DIGITS}", f"{DIGITS}" + "9" * 290,
    "100.0000001", "-1e-7", "1.0000000000000001", "0.1e1", "1E2", "99.995", "0.999949999", "1.50", "0", "1", "2", "-1",
)  # fmt: skip
BLANKS = (" ", "\t", "\n", "\x00", "\x1b", "\x7f", "\u00a0", "\u2028", "\ufeff", "\ud800", "")
LENGTHS = (129, 255, 4001, 10_001, 70_000, 200_001)


class Choices:
    """Takes choices from bytes, one after the other; past their end every choice is the first, which is the plain one."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def byte(self) -> int:
        """0 to 255."""
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0

    def block(self, length: int) -> bytes:
        """The next bytes as they are."""
        at, self._at = self._at, self._at + length
        return self._data[at : at + length]

    def below(self, limit: int) -> int:
        """0 to ``limit`` - 1."""
        number = self.byte() if limit <= 256 else self.byte() << 8 | self.byte()
        return number % limit

    def pick(self, items: Sequence[T]) -> T:
        """One of them, most often any, past the end the first."""
        return items[self.below(len(items))]

    def seldom(self, often: int) -> bool:
        """True ``often`` times in 256, never past the end."""
        return self.byte() >= 256 - often

    def word(self) -> str:
        """A word that may be written, nasty but sound; marked, so that an echo of it is seen."""
        nasty = NASTY[self.below(len(NASTY))]
        return nasty if self.seldom(40) else f"{MARK}{nasty}"

    def hostile_text(self) -> str:
        """A text that is seldom what a member takes: blank, with controls, half a surrogate, or very long."""
        kind, blank = self.below(5), self.pick(BLANKS)
        if kind == 0:
            return f"{MARK}{blank}{self.word()}"
        if kind == 1:
            return blank * (1 + self.below(3))
        if kind == 2:
            return f"{blank}{self.word()}{blank}"
        if kind == 3 and self.seldom(24):
            return (self.word() + blank) * (1 + self.pick(LENGTHS) // 16)
        return MARK + chr(self.byte() << 8 | self.byte())

    def hostile(self, depth: int = 2) -> object:
        """A JSON value of any kind."""
        kind = self.below(8 if depth else 6)
        if kind == 0:
            return self.hostile_text()
        if kind == 1:
            return codec.Decimal(self.pick(NUMBERS))
        if kind == 2:
            return self.word()
        if kind in (3, 4):
            return (None, True, False, 0, 1, -1)[self.below(6)] if kind == 3 else int(DIGITS) * self.below(3)
        if kind == 5:
            return self.pick(([], {}, [None], {MARK: MARK}, [[]], ""))
        if kind == 6:
            return [self.hostile(depth - 1) for _ in range(self.below(4))]
        return {self.word(): self.hostile(depth - 1) for _ in range(self.below(3))}
