import gzip
import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import kdref.datasets
from kdref.datasets import (
    Images,
    build_digits,
    load_digits,
    load_idx_images,
    read_idx,
    stratified_split,
)
from tests.strategies import SOME, seeds

PACKAGED = Path(kdref.datasets.__file__).with_name("digits.npz")

DIGITS_OF_EACH_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
"""The class distribution of the test part, as the data set's description at UCI lists it."""

MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MNIST_OF_EACH_CLASS = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "t10k": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def idx(code: int, shape: tuple[int, ...], entries: bytes) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + entries


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_load_digits_has_every_image_once_with_its_label() -> None:
    digits = load_digits()
    assert digits.images.shape == (1797, 8, 8)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert (digits.images.min(), digits.images.max(), digits.highest) == (0, 16, 16)
    assert np.bincount(digits.labels).tolist() == DIGITS_OF_EACH_CLASS
    assert len(np.unique(digits.images, axis=0)) == 1797


def test_load_digits_has_the_content_that_the_script_demands() -> None:
    digits = load_digits()
    assert build_digits.checksum(digits.images, digits.labels) == build_digits.SHA256


def test_the_digits_are_small_and_carry_their_licence() -> None:
    assert PACKAGED.stat().st_size < 100_000
    licence = PACKAGED.with_name("LICENCE-digits.md").read_text(encoding="utf-8")
    for words in ("CC BY 4.0", "E. Alpaydin, C. Kaynak", "10.24432/C50P49"):
        assert words in licence
    assert "CC BY 4.0" in load_digits().source


def test_load_digits_cannot_be_written_to() -> None:
    for array in (load_digits().images, load_digits().labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("packed", [False, True])
def test_build_digits_makes_the_packaged_file_again(tmp_path: Path, packed: bool) -> None:
    digits = load_digits()
    table = np.column_stack([digits.images.reshape(-1, 64), digits.labels])
    text = "\n".join(",".join(f"{number:d}" for number in line) for line in table).encode()
    source = write(tmp_path, "table", gzip.compress(text) if packed else text)
    build_digits.build(source, tmp_path / "digits.npz")
    with np.load(tmp_path / "digits.npz") as made, np.load(PACKAGED) as packaged:
        assert sorted(made) == sorted(packaged) == ["images", "labels"]
        for name in made:
            np.testing.assert_array_equal(made[name], packaged[name])


def test_build_digits_refuses_another_content(tmp_path: Path) -> None:
    source = write(tmp_path, "table", b",".join([b"1"] * 65) + b"\n")
    with pytest.raises(
        ValueError, match=f"must have the content of SHA-256 {build_digits.SHA256}, got"
    ):
        build_digits.build(source, tmp_path / "digits.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["table"]


@pytest.mark.peers
def test_scikit_learns_copy_has_the_same_content() -> None:
    copy = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn").load_digits()
    np.testing.assert_array_equal(copy.images, load_digits().images)
    np.testing.assert_array_equal(copy.target, load_digits().labels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_run_from_zero_to_one_in_the_dtype_asked_for(dtype: Any) -> None:
    rows = load_digits().rows(dtype)
    assert rows.shape == (1797, 64)
    assert rows.dtype == dtype
    assert (rows.min(), rows.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(rows[5].reshape(8, 8) * 16.0, load_digits().images[5])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("code", "dtype", "entries", "expected"),
    [
        (0x08, np.uint8, b"\x00\x07\xff", [0, 7, 255]),
        (0x09, np.int8, b"\x00\x07\xff", [0, 7, -1]),
        (0x0B, np.int16, b"\x00\x01\x01\x00\xff\xff", [1, 256, -1]),
        (0x0C, np.int32, b"\0\0\0\x01\0\x01\0\0\xff\xff\xff\xff", [1, 65536, -1]),
        (
            0x0D,
            np.float32,
            struct.pack(">3f", 0.5, -2.0, 1e30),
            np.array([0.5, -2.0, 1e30], np.float32),
        ),
        (0x0E, np.float64, struct.pack(">3d", 0.5, -2.0, 1e300), [0.5, -2.0, 1e300]),
    ],
    ids=["uint8", "int8", "int16", "int32", "float32", "float64"],
)
def test_read_idx_reads_every_type_in_the_machines_byte_order(
    tmp_path: Path, packed: bool, code: int, dtype: Any, entries: bytes, expected: Any
) -> None:
    content = idx(code, (3,), entries)
    array = read_idx(write(tmp_path, "a", gzip.compress(content) if packed else content))
    assert array.dtype == dtype
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, expected)


@SOME
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_read_idx_returns_what_was_written(tmp_path_factory: Any, array: Any) -> None:
    folder = tmp_path_factory.mktemp("idx")
    np.testing.assert_array_equal(
        read_idx(write(folder, "a", idx(0x08, array.shape, array.tobytes()))), array
    )


def test_read_idx_keeps_an_empty_dimension(tmp_path: Path) -> None:
    assert read_idx(write(tmp_path, "a", idx(0x08, (0, 28, 28), b""))).shape == (0, 28, 28)


WHOLE = idx(0x08, (2, 3), b"abcdef")
PACKED = gzip.compress(WHOLE, mtime=0)
HUGE = idx(0x0E, (2**32 - 1,) * 4, b"")
"""Announces more than any memory holds; refused before it is asked for."""


BROKEN = {
    "empty": (b"", "a number of dimensions, got an empty file"),
    "three bytes": (b"\0\0\x08", "a number of dimensions, got 00 00 08"),
    "a zip file": (b"PK\x03\x04rest", "must begin with 00 00, .* got 50 4b 03 04"),
    "first byte": (b"\x01" + WHOLE[1:], "must begin with 00 00, .* got 01 00 08 02"),
    "no dimension": (b"\0\0\x08\0", "a number of dimensions, got 00 00 08 00"),
    "unknown type": (
        b"\0\0\x0a\x01" + WHOLE[4:],
        "must have a type code among 0x08, .*, 0x0e, got 0x0a",
    ),
    "ends in its sizes": (WHOLE[:9], "must hold 8 bytes for the sizes of 2 dimensions, got 5"),
    "an entry short": (
        WHOLE[:-1],
        r"must hold 6 bytes of entries for shape \(2, 3\) of uint8, got 5",
    ),
    "no entries": (WHOLE[:12], r"must hold 6 bytes of entries for shape \(2, 3\) of uint8, got 0"),
    "too many entries": (
        WHOLE + b"xy",
        r"must hold 6 bytes of entries for shape \(2, 3\) of uint8, got 8",
    ),
    "larger than memory": (
        HUGE,
        f"must hold {8 * (2**32 - 1) ** 4} bytes of entries for shape .*, got 0",
    ),
    "more dimensions than an array has": (
        bytes([0, 0, 8, 255]) + 255 * b"\0\0\0\1" + b"x",
        "must have dimensions that NumPy can hold, got 255, the largest 1: ",
    ),
    "no entries in too many places": (
        idx(0x08, (0, 2**32 - 1, 2**32 - 1), b""),
        f"must have dimensions that NumPy can hold, got 3, the largest {2**32 - 1}: ",
    ),
    "gzip cut": (
        PACKED[:-9],
        f"must be whole gzip, got {len(PACKED) - 9} bytes with an error: Compressed",
    ),
    "gzip cut in its header": (PACKED[:5], "must be whole gzip, got 5 bytes with an error"),
    "gzip with a wrong checksum": (
        PACKED[:-8] + bytes([PACKED[-8] ^ 1]) + PACKED[-7:],
        "must be whole gzip, .* CRC check failed 0x[0-9a-f]+ != 0x[0-9a-f]+",
    ),
    "gzip with a wrong length": (
        PACKED[:-1] + b"\x01",
        "must be whole gzip, .* Incorrect length of data",
    ),
    "gzip with something after": (PACKED + b"more", "must be whole gzip, .* Not a gzipped file"),
    "gzip with a broken block": (PACKED[:10] + b"\xff" * 20, "must be whole gzip, .* Error -3"),
    "an entry short within gzip": (
        gzip.compress(WHOLE[:-1], mtime=0),
        r"must hold 6 bytes of entries for shape \(2, 3\) of uint8, got 5",
    ),
}
"""What may be wrong with a file, and what is said about it."""


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_read_idx_says_what_is_wrong_with_a_file_and_which(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = write(tmp_path, "some-idx", content)
    with pytest.raises(ValueError, match=f"some-idx {message}|some-idx .*{message}"):
        read_idx(path)


def test_a_missing_idx_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        read_idx(tmp_path / "no-such-file")


IMAGES = idx(0x08, (3, 1, 2), bytes([0, 255, 51, 0, 1, 2]))
LABELS = idx(0x08, (3,), bytes([7, 3, 0]))


def test_load_idx_images_brings_images_and_labels_together(tmp_path: Path) -> None:
    images = write(tmp_path, "images", IMAGES)
    labels = write(tmp_path, "labels.gz", gzip.compress(LABELS))
    data = load_idx_images(images, labels)
    assert isinstance(data, Images)
    assert data.images.tolist() == [[[0, 255]], [[51, 0]], [[1, 2]]]
    assert data.labels.tolist() == [7, 3, 0]
    assert data.highest == 255
    assert str(images) in data.source
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 1


MISMATCHED = {
    "a label short": (
        IMAGES,
        idx(0x08, (2,), b"ab"),
        "labels must hold a label for each of the 3 images in .*images, got 2",
    ),
    "images as labels": (
        IMAGES,
        IMAGES,
        r"labels must hold labels \(N,\) of unsigned bytes, got shape \(3, 1, 2\) of uint8",
    ),
    "labels as images": (
        LABELS,
        LABELS,
        r"images must hold images \(N, height, width\) .* got shape \(3,\) of uint8",
    ),
    "no images": (
        idx(0x08, (0, 1, 2), b""),
        idx(0x08, (0,), b""),
        r"images must hold images \(N, height, width\) with every size >= 1, got \(0, 1, 2\)",
    ),
    "signed labels": (
        IMAGES,
        idx(0x09, (3,), b"abc"),
        r"labels must hold labels .* got shape \(3,\) of int8",
    ),
}


@pytest.mark.parametrize(("images", "labels", "message"), MISMATCHED.values(), ids=MISMATCHED)
def test_load_idx_images_refuses_files_that_do_not_belong_together(
    tmp_path: Path, images: bytes, labels: bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_idx_images(write(tmp_path, "images", images), write(tmp_path, "labels", labels))


@pytest.mark.skipif(
    "KDREF_MNIST" not in os.environ, reason="KDREF_MNIST does not name a folder with the IDX files"
)
@pytest.mark.parametrize(("part", "count"), [("train", 60_000), ("t10k", 10_000)])
def test_load_idx_images_reads_mnist(part: str, count: int) -> None:
    folder = Path(os.environ["KDREF_MNIST"])
    names = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    paths = [next(folder.glob(f"{name}*")) for name in names]
    data = load_idx_images(*paths)
    assert data.images.shape == (count, 28, 28)
    assert np.bincount(data.labels).tolist() == MNIST_OF_EACH_CLASS[part]
    contents = (
        idx(0x08, data.images.shape, data.images.tobytes()),
        idx(0x08, (count,), data.labels.tobytes()),
    )
    for name, content in zip(names, contents, strict=True):
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == MNIST_MD5[name]


LABEL_LISTS = st.lists(st.integers(0, 4), min_size=1, max_size=60)
FRACTIONS = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4).map(
    lambda sizes: [size / sum(sizes) for size in sizes]
)


@SOME
@given(LABEL_LISTS, FRACTIONS, seeds)
def test_stratified_split_gives_each_example_to_one_part_and_each_class_its_share(
    labels: list[int], fractions: list[float], seed: int
) -> None:
    parts = stratified_split(labels, fractions, rng=np.random.default_rng(seed))
    assert len(parts) == len(fractions)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert part.tolist() == sorted(part.tolist())
        for label in set(labels):
            held = sum(labels[index] == label for index in part)
            # Two roundings by at most a half each; a third comes from adding up the fractions.
            assert abs(held - fraction * labels.count(label)) <= 1.0 + 1e-9


def test_stratified_split_depends_on_the_generator_alone() -> None:
    labels = load_digits().labels
    first, again, other = (
        stratified_split(labels, (0.5, 0.2, 0.3), rng=np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


SEED: Any = 7


@pytest.mark.parametrize(
    ("labels", "fractions", "rng", "error", "message"),
    [
        ([0.0, 1.0], (0.5, 0.5), None, TypeError, "labels must be integer class ids"),
        ([[0, 1]], (0.5, 0.5), None, ValueError, r"labels must have shape \(N,\), got \(1, 2\)"),
        ([0, 1], (0.5, 0.4), None, ValueError, "fractions must sum to 1, got 0.9"),
        (
            [0, 1],
            (1.5, -0.5),
            None,
            ValueError,
            "each of fractions must be finite and > 0, got -0.5",
        ),
        ([0, 1], (0.5, 0.5), SEED, TypeError, "rng must be a numpy.random.Generator, got 7"),
    ],
)
def test_stratified_split_names_what_is_wrong(
    labels: Any, fractions: Any, rng: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        stratified_split(labels, fractions, rng=rng or np.random.default_rng(0))
