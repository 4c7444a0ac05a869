"""IDX files of every type and rank, and every way they can be damaged."""

import gzip
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from idx_files import TYPES, idx_bytes, sample
from numpy.testing import assert_array_equal

from bpcore.datasets import load_idx

SHAPES = [(), (0,), (7,), (3, 4), (2, 3, 5), (2, 0, 3), (1, 2, 1, 3, 2), (1,) * 64]


@pytest.fixture
def write(tmp_path):
    def write(content, name="sample-idx"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"rank{len(shape)}-{np.prod(shape):g}")
@pytest.mark.parametrize("code", TYPES, ids=TYPES.get)
def test_round_trip(write, code, shape, pack):
    array = sample(shape, TYPES[code])
    loaded = load_idx(write(pack(idx_bytes(array, code))))
    assert loaded.dtype == np.dtype(TYPES[code])
    assert loaded.dtype.isnative
    assert loaded.shape == shape
    assert_array_equal(loaded, array)
    assert loaded.flags.writeable
    assert loaded.flags.c_contiguous


def test_elements_are_big_endian(write):
    content = bytes([0, 0, 0x0C, 1, 0, 0, 0, 2]) + bytes([0, 0, 1, 0, 255, 255, 255, 254])
    assert load_idx(write(content)).tolist() == [256, -2]


def test_larger_than_one_chunk(write, monkeypatch):
    monkeypatch.setattr("bpcore.datasets.idx._CHUNK", 1000)
    array = sample((50, 61), "f4")
    assert_array_equal(load_idx(write(idx_bytes(array, 0x0D))), array)


def test_gzip_is_told_from_the_content_and_not_from_the_name(write):
    content = idx_bytes(sample((3, 3), "u1"), 0x08)
    assert load_idx(write(content, "plain.gz")).shape == (3, 3)
    assert load_idx(write(gzip.compress(content), "packed-ubyte")).shape == (3, 3)


def test_gzip_of_several_members(write):
    content = idx_bytes(sample((40,), "u1"), 0x08)
    packed = gzip.compress(content[:13]) + gzip.compress(content[13:])
    assert_array_equal(load_idx(write(packed)), sample((40,), "u1"))


def test_path_as_a_string(write):
    path = write(idx_bytes(sample((5,), "u1"), 0x08))
    assert_array_equal(load_idx(os.fspath(path)), sample((5,), "u1"))


# ---------------------------------------------------------------- what is wrong

GOOD = idx_bytes(sample((4, 3), "i2"), 0x0B)
FAULTS = {
    "empty": (b"", "not an IDX file: 0 byte"),
    "shorter than its magic number": (GOOD[:3], "not an IDX file: 3 byte"),
    "first byte": (b"\x01" + GOOD[1:], r"not an IDX file: .*01 00 0b 02"),
    "second byte": (b"\x00\x07" + GOOD[2:], r"not an IDX file: .*00 07 0b 02"),
    "element type": (b"\x00\x00\x0a" + GOOD[3:], "unknown IDX element type 0x0A"),
    "rank beyond NumPy": (b"\x00\x00\x08\xff" + GOOD[4:], ".*255 dimensions.* at most 64"),
    "no sizes": (GOOD[:4], "truncated header: rank 2 needs 8 bytes of sizes, but only 0"),
    "half the sizes": (GOOD[:9], "truncated header: rank 2 needs 8 bytes of sizes, but only 5"),
    "no elements": (GOOD[:12], "truncated: .*4 x 3 elements.* 24 bytes, but only 0"),
    "last byte missing": (GOOD[:-1], "truncated: .*4 x 3 elements.* 24 bytes, but only 23"),
    "scalar missing": (b"\x00\x00\x08\x00", "truncated: .*one element.* but only 0"),
    "one byte more": (GOOD + b"\x00", "trailing bytes: .*4 x 3 elements.* 24 bytes"),
    "product beyond 64 bits": (
        b"\x00\x00\x0e\x03" + b"\xff" * 12 + bytes(100),
        "truncated: .*4294967295 x 4294967295 x 4294967295 elements.* but only 100",
    ),
    # 2^32 - 1 and a product that wraps round to few bytes in 64 (or 32) bits
    "product that wraps round to 0": (
        b"\x00\x00\x08\x04" + struct.pack(">IIII", 2**31, 2**31, 2**2, 4),
        "truncated: .*but only 0",
    ),
    "empty, yet too large to index": (
        b"\x00\x00\x08\x04" + struct.pack(">I", 0) + b"\xff" * 12,
        "NumPy cannot hold an array of 0 x 4294967295",
    ),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_file(write, fault, pack):
    content, message = FAULTS[fault]
    path = write(pack(content), "broken-idx")
    with pytest.raises(ValueError, match=rf"broken-idx: {message}"):
        load_idx(path)


def damaged_gzip():
    packed = bytearray(gzip.compress(GOOD))
    packed[-6] ^= 0xFF  # in the checksum
    return bytes(packed)


@pytest.mark.parametrize(
    "content, message",
    [
        (gzip.compress(GOOD)[:-9], "gzip stream is cut short"),
        (gzip.compress(GOOD)[:5], "gzip stream is cut short"),
        (damaged_gzip(), "damaged gzip file .*CRC"),
        (gzip.compress(GOOD)[:10] + b"\xff" * 40, "damaged gzip file"),
        (b"\x1f\x8b\x07" + bytes(20), "damaged gzip file .*compression method"),
        (gzip.compress(GOOD) + b"more", "damaged gzip file"),
    ],
    ids=["cut", "cut header", "checksum", "deflate stream", "method", "bytes after the stream"],
)
def test_damaged_gzip(write, content, message):
    path = write(content, "broken.gz")
    with pytest.raises(ValueError, match=rf"broken\.gz: .*{message}"):
        load_idx(path)


def test_every_truncation_and_every_changed_byte_is_an_array_or_a_documented_error(write):
    """No damage of one byte, nor any cut, escapes as another exception."""
    contents = []
    for whole in (GOOD, gzip.compress(GOOD, mtime=0)):
        contents += [whole[:n] for n in range(len(whole))]
        contents += [
            whole[:i] + bytes([whole[i] ^ flip]) + whole[i + 1 :]
            for i in range(len(whole))
            for flip in (0x01, 0x80, 0xFF)
        ]
    refusals = []
    for content in contents:
        path = write(content, "mutated")
        try:
            assert load_idx(path).dtype.isnative
        except ValueError as error:
            refusals.append(str(error))
    assert all(refusal.startswith(str(path)) for refusal in refusals)
    assert len(refusals) > len(contents) / 2


def peak_of_refusal(path, message):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            load_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_lying_header_allocates_nothing(write, pack):
    content = b"\x00\x00\x08\x03" + struct.pack(">III", 60_000, 2_800, 2_800) + bytes(100)
    assert peak_of_refusal(write(pack(content)), "but only 100 follow") < 4e6


def test_a_gzip_bomb_is_read_only_as_far_as_its_header_reaches(write):
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(b"\x00\x00\x08\x01" + struct.pack(">I", 10) + bytes(10))
    for _ in range(64):
        packed += packer.compress(bytes(1 << 20))
    packed += packer.flush()
    assert peak_of_refusal(write(packed, "bomb.gz"), r"bomb\.gz: trailing bytes") < 4e6


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_idx(tmp_path / "nowhere")
    with pytest.raises(OSError, match=tmp_path.name):
        load_idx(tmp_path)
