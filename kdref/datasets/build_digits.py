"""Make ``digits.npz`` from a copy of the original table; not needed to use the package.

``python -m kdref.datasets.build_digits TABLE`` reads the copy that scikit-learn distributes,
``sklearn/datasets/data/digits.csv.gz``, or any other with the same content, plain or gzip: 1,797 lines of 64 grey
values and a label.  The content is checked before anything is written.
"""

import gzip
import hashlib
import sys
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of the bytes of the images followed by those of the labels."""

TARGET = Path(__file__).with_name("digits.npz")


def checksum(images: Bytes, labels: Bytes) -> str:
    """SHA-256 of images and labels, in hexadecimal."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def read_table(path: Path) -> tuple[Bytes, Bytes]:
    """Images (N, 8, 8) and labels (N,) of a table with 65 numbers a line."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode("ascii")
    table = np.loadtxt(text.splitlines(), delimiter=",", ndmin=2).astype(np.uint8)
    images, labels = table[:, :64].reshape(-1, 8, 8), table[:, 64]
    if (found := checksum(images, labels)) != SHA256:
        raise ValueError(f"{path} must have the content of SHA-256 {SHA256}, got {found}")
    return images, labels


def build(source: Path, target: Path = TARGET) -> None:
    """Write the compressed arrays."""
    images, labels = read_table(source)
    np.savez_compressed(target, images=images, labels=labels)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
