"""A reader for IDX files, the format of MNIST, plain or gzip.

====================  ====================================================
bytes                 meaning, all numbers big-endian
====================  ====================================================
0-1                   zero
2                     type of the entries: see `TYPES`
3                     number of dimensions d, at least 1
4 to 3 + 4 d          their sizes, 32 bits each
from 4 + 4 d          the entries, the last dimension running fastest
====================  ====================================================

Source: "The IDX file format", on the page of the MNIST database by Y. LeCun, C. Cortes and C. Burges.
"""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdref.datasets.images import Images

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's name for each type code."""

GZIP_MAGIC = b"\x1f\x8b"
BYTE = 255


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an array from an IDX file, plain or gzip.

    Parameters
    ----------
    path : path-like
        The file; whether it is compressed is seen from its content, not its name.

    Returns
    -------
    ndarray
        In the shape and type that the file's header names, in the machine's byte order.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it does not begin as IDX does, has an unknown type code, holds fewer or
        more bytes than its header announces, has more or larger dimensions than
        an array can have, or is damaged gzip.  The message
        names the file, what was expected and what was found.

    See Also
    --------
    load_idx_images : images and their labels, from two such files.
    """
    path = Path(path)
    content = _unpacked(path)
    dtype, shape = _header(path, content)
    start, expected = 4 + 4 * len(shape), math.prod(shape) * dtype.itemsize
    if len(content) - start != expected:
        raise ValueError(
            f"{path} must hold {expected} bytes of entries for shape {shape} of {dtype.name}, "
            f"got {len(content) - start}"
        )
    try:
        entries = np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise ValueError(
            f"{path} must have dimensions that NumPy can hold, got {len(shape)}, the largest {max(shape)}: {error}"
        ) from error
    return entries.astype(dtype.newbyteorder("="))


def load_idx_images(
    images_path: str | os.PathLike[str], labels_path: str | os.PathLike[str]
) -> Images:
    """Load images and their labels from two IDX files, such as those of MNIST.

    Parameters
    ----------
    images_path, labels_path : path-like
        Files of unsigned bytes with three dimensions and with one; plain or gzip.

    Returns
    -------
    Images
        With ``highest`` 255 and the two paths as source; the arrays are read-only.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        As for `read_idx`; also if a file holds another kind of array or an empty
        one, or the numbers of images and labels differ.

    See Also
    --------
    load_digits : smaller images that come with the package.

    Examples
    --------
    Two images of 1 x 2 bytes, written by hand.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images, labels = Path(folder) / "images", Path(folder) / "labels"
    ...     _ = images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 0]))
    ...     _ = labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
    ...     data = load_idx_images(images, labels)
    >>> data.labels.tolist(), data.rows().tolist()
    ([7, 3], [[0.0, 1.0], [0.2, 0.0]])
    """
    images = _bytes_of_rank(images_path, 3, "images (N, height, width)")
    labels = _bytes_of_rank(labels_path, 1, "labels (N,)")
    if len(images) != len(labels):
        raise ValueError(
            f"{labels_path} must hold a label for each of the {len(images)} images in "
            f"{images_path}, got {len(labels)}"
        )
    images.flags.writeable = labels.flags.writeable = False
    return Images(images, labels, BYTE, f"{images_path} and {labels_path}")


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.open(path) as file:  # unlike gzip.decompress, it says which CRC it found
            return file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path} must be whole gzip, got {len(content)} bytes with an error: {error}"
        ) from error


def _header(path: Path, content: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and shape that the first bytes announce."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[3] == 0:
        raise ValueError(
            f"{path} must begin with 00 00, a type code and a number of dimensions, "
            f"got {content[:4].hex(' ') or 'an empty file'}"
        )
    code, n_dimensions = content[2], content[3]
    if code not in TYPES:
        known = ", ".join(f"{each:#04x}" for each in TYPES)
        raise ValueError(f"{path} must have a type code among {known}, got {code:#04x}")
    sizes = content[4 : 4 + 4 * n_dimensions]
    if len(sizes) != 4 * n_dimensions:
        raise ValueError(
            f"{path} must hold {4 * n_dimensions} bytes for the sizes of {n_dimensions} dimensions, "
            f"got {len(sizes)}"
        )
    return np.dtype(TYPES[code]), tuple(np.frombuffer(sizes, ">u4").tolist())


def _bytes_of_rank(path: str | os.PathLike[str], rank: int, meaning: str) -> NDArray[np.uint8]:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != rank:
        raise ValueError(
            f"{path} must hold {meaning} of unsigned bytes, got shape {array.shape} of {array.dtype}"
        )
    if 0 in array.shape:
        raise ValueError(f"{path} must hold {meaning} with every size >= 1, got {array.shape}")
    return array
