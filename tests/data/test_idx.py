import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from reverie.core.errors import UserError
from reverie.data import find_source, idx
from reverie.data.idx import read_idx
from tests.fuzzing import assert_only_user_errors, damaged_bytes, named, rounds

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def header(*shape: int, kind: int = 8, zeros: int = 0) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", zeros, kind, len(shape), *shape)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\0\0\x08", "cannot be read"),
        (header(5, 28, 28)[:9], "cannot be read"),
        (header(5, 4, 4) + bytes(79), "80 values and the file has fewer: it is truncated"),
        (header(5, 4, 4) + bytes(81), "80 values and the file has more"),
        (header(5, 4, 4, kind=0x0D) + bytes(320), "not an IDX file of images or labels in bytes"),
        (header(5, 4, 4, zeros=1) + bytes(80), "not an IDX file"),
        (header(80) + bytes(80), "has 3 axes, this one 1"),
        (header(2, 2, 2, 2) + bytes(16), "not an IDX file"),
        (header() + b"x", "not an IDX file"),
        (header(5, 0, 28), "5 images of 28×0 cannot be used"),
        (header(0, 28, 28), "0 images of 28×28 cannot be used"),
        (header(1, 1, 2**17) + bytes(2**17), "1 image of 131072×1 cannot be used"),
        (header(60_000, 2**31, 2**31), "it claims .* GB of values; more than 2 GB are not read"),
        (header(1000, 1000, 1000), "1,000,000,000 values and the file has fewer"),
        (b"no IDX file at all", "not an IDX file"),
    ],
)
def test_what_is_no_usable_file(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    packed = gzip.compress(content) if suffix else content
    (tmp_path / f"{IMAGES}{suffix}").write_bytes(packed)
    with pytest.raises(UserError, match=message):
        find_source(str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"no gzip", gzip.compress(bytes(80))[:-5]],
    ids=["empty", "magic", "text", "cut"],
)
def test_what_is_not_gzipped(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{IMAGES}.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read|not an IDX file"):
        find_source(str(tmp_path))


def test_a_bomb_is_read_no_further_than_its_header_says(tmp_path: Path) -> None:
    bomb = tmp_path / f"{IMAGES}.gz"
    with gzip.open(bomb, "wb", 9) as file:
        file.write(header(5, 4, 4))
        for _ in range(200):
            file.write(bytes(2**20))

    def read(path: Path) -> None:
        with pytest.raises(UserError, match="has more"):
            read_idx(path)

    assert_only_user_errors(read, [bomb], memory=2**27)


def test_a_header_that_promises_too_much_allocates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "a-idx3-ubyte", tmp_path / "a-idx3-ubyte.gz"]
    for file in files:
        content = header(1900, 1000, 1000)
        file.write_bytes(gzip.compress(content) if file.suffix else content)
    assert_only_user_errors(read_idx, files, memory=2**27)
    monkeypatch.setattr(idx, "MOST_SHRUNK", 10**9)  # then memory is the limit
    assert_only_user_errors(read_idx, files, memory=2**27)


@pytest.mark.parametrize("labels", [header(4) + bytes(4), header(5, 1, 1) + bytes(5), header(0)])
def test_labels_that_do_not_belong(tmp_path: Path, labels: bytes) -> None:
    (tmp_path / IMAGES).write_bytes(header(5, 2, 2) + bytes(20))
    (tmp_path / LABELS).write_bytes(labels)
    with pytest.raises(UserError, match="do not belong together"):
        find_source(str(tmp_path))


@rounds(150, 3_000)
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_fuzzed_files(tmp_path: Path, name: str, suffix: str, count: int, seed: int) -> None:
    random = np.random.default_rng(0)
    for file, shape in ((IMAGES, (5, 4, 4)), (LABELS, (5,))):
        content = header(*shape) + random.integers(0, 9, shape, np.uint8).tobytes()
        packed = gzip.compress(content) if suffix else content
        (tmp_path / f"{file}{suffix}").write_bytes(packed)

    def read(path: Path) -> None:
        source = find_source(str(tmp_path))
        assert len(source.names) > 0
        assert source.read(0, None).size > 0
        assert source.labels is None or len(source.labels) == len(source.names)

    file = tmp_path / f"{name}{suffix}"
    assert_only_user_errors(read, named(file, damaged_bytes(file.read_bytes(), count, seed)))
