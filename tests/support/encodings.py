"""Encoders for request bodies. Python 3.11 has gzip alone, so zstd (RFC 8878) and Brotli (RFC 7932) are written here in
the simplest form that the formats allow, stored blocks; bodies that were really compressed stand as golden bytes in the
tests."""

import gzip

ZSTD_BLOCK_MAX = 128 * 1024


def gzip_encode(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def zstd_frame(blocks: list[bytes]) -> bytes:
    # Magic; a descriptor without content size, checksum and dictionary; a window of 8 MiB (exponent 13, mantissa 0).
    return b"\x28\xb5\x2f\xfd" + bytes([0x00, 13 << 3]) + b"".join(blocks)


def zstd_block(kind: int, size: int, last: bool, content: bytes) -> bytes:
    return (int(last) | kind << 1 | size << 3).to_bytes(3, "little") + content


def zstd_encode(body: bytes) -> bytes:
    """Raw blocks (kind 0)."""
    pieces = [body[i : i + ZSTD_BLOCK_MAX] for i in range(0, len(body), ZSTD_BLOCK_MAX)] or [b""]
    return zstd_frame([zstd_block(0, len(piece), i == len(pieces) - 1, piece) for i, piece in enumerate(pieces)])


def zstd_bomb(size: int) -> bytes:
    """Run-length blocks (kind 1): four bytes stand for 128 KiB of blanks."""
    count = -(-size // ZSTD_BLOCK_MAX)
    return zstd_frame([zstd_block(1, ZSTD_BLOCK_MAX, i == count - 1, b" ") for i in range(count)])


def brotli_encode(body: bytes) -> bytes:
    """Uncompressed meta-blocks. The first byte carries a window of 16 bits (a single zero bit) before the first
    header."""
    out = bytearray()
    pieces = [body[i : i + 65_536] for i in range(0, len(body), 65_536)]
    for number, piece in enumerate(pieces):
        bits, width = (0, 1) if number == 0 else (0, 0)  # WBITS
        for value, size in (
            (0, 1),
            (0, 2),
            (len(piece) - 1, 16),
            (1, 1),
        ):  # not the last; 4 nibbles; length; uncompressed
            bits |= value << width
            width += size
        out += bits.to_bytes(-(-width // 8), "little") + piece
    if not pieces:
        return b"\x06"  # WBITS, last, empty
    return bytes(out) + b"\x03"  # last, empty
