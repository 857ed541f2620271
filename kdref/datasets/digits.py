"""The handwritten digits that come with the package: 1,797 images of 8 x 8 pixels.

They are the test part of *Optical Recognition of Handwritten Digits* [1]: 13 people's digits, the pixels of a
32 x 32 bitmap counted in blocks of 4 x 4, so that a grey value lies between 0 and 16.  ``build_digits.py``
made ``digits.npz``; ``LICENCE-digits.md`` names the licence, CC BY 4.0.

References
----------
.. [1] E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits* [data set], UCI Machine Learning
   Repository, 1998, https://doi.org/10.24432/C50P49.
"""

import functools
from importlib import resources

import numpy as np

from kdref.datasets.images import Images

SOURCE = (
    "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, "
    "UCI Machine Learning Repository, 1998, CC BY 4.0"
)
HIGHEST = 16


@functools.cache
def load_digits() -> Images:
    """Load the 1,797 handwritten digits of 8 x 8 pixels that come with the package.

    Returns
    -------
    Images
        ``.images`` of shape (1797, 8, 8) from 0 to 16 and ``.labels`` from 0 to 9,
        both read-only, in the order of the original file.

    See Also
    --------
    stratified_split : divides them for training and testing.

    Notes
    -----
    Thirteen people wrote these digits, and the file does not say who wrote which.
    A random division therefore has the same hands on both sides: accuracies
    measured with it hold for these writers, and are higher than for new ones.

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*
       [data set], UCI Machine Learning Repository, 1998,
       https://doi.org/10.24432/C50P49, CC BY 4.0.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.images.shape, digits.labels.shape
    ((1797, 8, 8), (1797,))
    >>> for row in digits.images[3]:   # a 3
    ...     print("".join("·.:-=+*#%"[grey // 2] for grey in row))
    ··-#*···
    ·=*-#:··
    ·.·**···
    ··.#+···
    ····**··
    ·····+=·
    ··=::#=·
    ··-**=··
    """
    with resources.files("kdref.datasets").joinpath("digits.npz").open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        images, labels = archive["images"], archive["labels"]
    images.flags.writeable = labels.flags.writeable = False
    return Images(images, labels, HIGHEST, SOURCE)
