"""Labelled images as a record."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class Images:
    """Grey images and what they show.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, height, width)
        Grey values from 0 to ``highest``; read-only.
    labels : ndarray of uint8, shape (N,)
        Class ids; read-only.
    highest : int
        The largest grey value that the format allows: 16 for the digits of UCI, 255 for bytes.
    source : str
        Where they come from, with the licence.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    highest: int
    source: str

    def rows(self, dtype: DTypeLike = np.float64) -> NDArray[np.floating[Any]]:
        """The images as inputs of a network.

        Parameters
        ----------
        dtype : dtype, default float64
            float64 or float32.

        Returns
        -------
        ndarray, shape (N, height * width)
            One image a row, from 0.0 to 1.0.
        """
        scaled = self.images.reshape(len(self.images), -1) / self.highest
        return scaled.astype(dtype, copy=False)
