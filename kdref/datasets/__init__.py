"""Real images: the handwritten digits that come with the package, and a reader for the IDX files of MNIST."""

from kdref.datasets.digits import load_digits as load_digits
from kdref.datasets.idx import load_idx_images as load_idx_images
from kdref.datasets.idx import read_idx as read_idx
from kdref.datasets.images import Images as Images
from kdref.datasets.splits import stratified_split as stratified_split
