"""Screenshots small enough to keep with the documents: PNG with a palette of 16 colours instead of 16 million."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

COLOURS = 16
Pixel = tuple[int, int, int]


def shrink(png: bytes) -> bytes:
    """A PNG of 8-bit RGB, as Chromium writes it, in its most frequent colours: four bits a pixel."""
    chunks = dict(_chunks(png))
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if (depth, colour) != (8, 2):
        raise ValueError("only 8-bit RGB is read")
    rows = [list(zip(*[iter(line)] * 3, strict=True)) for line in _lines(zlib.decompress(chunks[b"IDAT"]), width * 3)]
    counts = Counter(pixel for row in rows for pixel in row)
    palette = _palette(counts)
    places = {pixel: min(range(len(palette)), key=lambda n: _distance(palette[n], pixel)) for pixel in counts}
    packed = b"".join(b"\0" + _pack([places[pixel] for pixel in row]) for row in rows)
    written = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0),
        b"PLTE": bytes(value for pixel in palette for value in pixel),
        b"IDAT": zlib.compress(packed, 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in written.items()
    )


def _palette(counts: Counter[Pixel]) -> list[Pixel]:
    """The most frequent colours that differ visibly from one another."""
    chosen: list[Pixel] = []
    for pixel, _ in counts.most_common():
        if all(_distance(pixel, other) > 60 for other in chosen):
            chosen.append(pixel)
        if len(chosen) == COLOURS:
            break
    return chosen


def _distance(one: Pixel, other: Pixel) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _pack(places: list[int]) -> bytes:
    even = [*places, 0] if len(places) % 2 else places
    return bytes(high << 4 | low for high, low in zip(even[::2], even[1::2], strict=True))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, image = 8, b""
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + length]
        image += body if kind == b"IDAT" else b""
        yield kind, image if kind == b"IDAT" else body
        place += length + 12


def _lines(raw: bytes, stride: int) -> Iterator[list[int]]:
    """The bytes behind the filters of PNG §9: each from its left, upper and upper left neighbour."""
    above = [0] * stride
    for start in range(0, len(raw), stride + 1):
        kind, line = raw[start], list(raw[start + 1 : start + 1 + stride])
        for place in range(stride) if kind else ():
            left, corner = (line[place - 3], above[place - 3]) if place > 2 else (0, 0)
            up = above[place]
            guess = (0, left, up, (left + up) // 2, 0)[kind] if kind != 4 else _paeth(left, up, corner)
            line[place] = (line[place] + guess) & 0xFF
        above = line
        yield line


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda each: abs(guess - each))
