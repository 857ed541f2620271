"""Hands NumPy inputs to a loss in its own framework, and gets numbers and gradients back."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from kdref import _checks
from kdref._checks import FloatArray, IntArray

FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow", "keras")

Function = Callable[[Any, Any, Any], Any]
"""A loss with its temperature and alpha filled in: student, teacher, labels to a result."""


class Framework(Protocol):
    """What a diagnosis needs of a framework."""

    name: str
    differentiates: bool

    def array(self, values: FloatArray, dtype: str) -> Any:
        """A fresh native array of logits."""

    def labels(self, values: IntArray) -> Any:
        """A fresh native array of class ids."""

    def numpy(self, native: Any) -> np.ndarray[Any, Any]:
        """A native array or number as a NumPy array of its own dtype."""

    def gradients(
        self,
        function: Function,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        dtype: str,
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Automatic gradients with respect to student and teacher; None where there is none."""


class NumPy:
    """NumPy itself: arrays are copied; there are no gradients."""

    name = "numpy"
    differentiates = False

    def array(self, values: FloatArray, dtype: str) -> Any:
        """A copy."""
        return values.astype(dtype)

    def labels(self, values: IntArray) -> Any:
        """A copy."""
        return values.copy()

    def numpy(self, native: Any) -> np.ndarray[Any, Any]:
        """The result as an array."""
        return np.asarray(native)

    def gradients(
        self,
        function: Function,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        dtype: str,
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """None: a value in NumPy carries no gradient."""
        return None, None


class Torch:
    """PyTorch: gradients by ``torch.autograd``."""

    name = "torch"
    differentiates = True

    def __init__(self) -> None:
        self.torch: Any = importlib.import_module("torch")

    def array(self, values: FloatArray, dtype: str) -> Any:
        """A tensor that does not require a gradient."""
        return self.torch.tensor(values, dtype=getattr(self.torch, dtype))

    def labels(self, values: IntArray) -> Any:
        """A tensor of int64."""
        return self.torch.tensor(values, dtype=self.torch.int64)

    def numpy(self, native: Any) -> np.ndarray[Any, Any]:
        """A detached copy; bfloat16, which NumPy lacks, as float32."""
        if not self.torch.is_tensor(native):
            return np.asarray(native)
        tensor = native.detach().cpu()
        return np.asarray(
            (tensor.float() if tensor.dtype == self.torch.bfloat16 else tensor).numpy()
        )

    def gradients(
        self,
        function: Function,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        dtype: str,
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Gradients of the mean of what the loss returns; leaves are cloned so that in-place code runs."""
        leaves = [self.array(each, dtype).requires_grad_() for each in (student, teacher)]
        result = function(leaves[0].clone(), leaves[1].clone(), self.labels(labels))
        if not (self.torch.is_tensor(result) and result.requires_grad):
            return None, None
        found = self.torch.autograd.grad(result.mean(), leaves, allow_unused=True)
        arrays = [None if g is None else self.numpy(g).astype(np.float64) for g in found]
        zero = np.zeros_like(student)
        return (zero if arrays[0] is None else arrays[0]), (
            zero if arrays[1] is None else arrays[1]
        )


@contextmanager
def one_thread(framework: Framework) -> Iterator[None]:
    """PyTorch on one thread meanwhile: inputs of a few numbers gain nothing from more, which only wait in a loop.

    Parameters
    ----------
    framework : Framework
        Of the loss; others than PyTorch are left alone.
    """
    if not isinstance(framework, Torch):
        yield
        return
    before = framework.torch.get_num_threads()
    framework.torch.set_num_threads(1)
    try:
        yield
    finally:
        framework.torch.set_num_threads(before)


class Jax:
    """JAX in 64 bits: gradients by ``jax.grad``."""

    name = "jax"
    differentiates = True

    def __init__(self) -> None:
        self.jax: Any = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def array(self, values: FloatArray, dtype: str) -> Any:
        """An immutable array."""
        return self.jax.numpy.asarray(values, dtype=dtype)

    def labels(self, values: IntArray) -> Any:
        """An array of int64."""
        return self.jax.numpy.asarray(values)

    def numpy(self, native: Any) -> np.ndarray[Any, Any]:
        """A copy; bfloat16, which NumPy lacks, as float32."""
        array = np.asarray(native)
        return array if array.dtype.kind in "iufb" else array.astype(np.float32)

    def gradients(
        self,
        function: Function,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        dtype: str,
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Gradients of the mean of what the loss returns."""

        def mean(s: Any, t: Any) -> Any:
            return self.jax.numpy.mean(function(s, t, self.labels(labels)))

        found = self.jax.grad(mean, argnums=(0, 1))(
            self.array(student, dtype), self.array(teacher, dtype)
        )
        first, second = (self.numpy(g).astype(np.float64) for g in found)
        return first, second


class TensorFlow:
    """TensorFlow: gradients by a ``GradientTape``."""

    name = "tensorflow"
    differentiates = True

    def __init__(self) -> None:
        self.tf: Any = importlib.import_module("tensorflow")

    def array(self, values: FloatArray, dtype: str) -> Any:
        """A constant."""
        return self.tf.constant(values, dtype=dtype)

    def labels(self, values: IntArray) -> Any:
        """A constant of int64."""
        return self.tf.constant(values, dtype="int64")

    def numpy(self, native: Any) -> np.ndarray[Any, Any]:
        """A copy."""
        return np.asarray(native)

    def gradients(
        self,
        function: Function,
        student: FloatArray,
        teacher: FloatArray,
        labels: IntArray,
        dtype: str,
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Gradients of the mean of what the loss returns."""
        s, t = self.array(student, dtype), self.array(teacher, dtype)
        with self.tf.GradientTape() as tape:
            tape.watch([s, t])
            result = self.tf.reduce_mean(function(s, t, self.labels(labels)))
        found = tape.gradient(result, [s, t], unconnected_gradients="zero")
        first, second = (np.asarray(g, dtype=np.float64) for g in found)
        return first, second


KERAS_BACKENDS: dict[str, Callable[[], Any]] = {
    "torch": Torch,
    "jax": Jax,
    "tensorflow": TensorFlow,
}


def framework(name: str) -> Framework:
    """The framework by name; Keras is the framework of its backend.

    Parameters
    ----------
    name : {"numpy", "torch", "jax", "tensorflow", "keras"}
        Whose arrays the loss takes.

    Raises
    ------
    ValueError
        If the name is unknown.
    ImportError
        If the framework is not installed.
    """
    _checks.choice("framework", name, FRAMEWORKS)
    if name == "numpy":
        return NumPy()
    if name == "keras":
        backend = importlib.import_module("keras").backend.backend()
        made: Framework = KERAS_BACKENDS[backend]()
        return made
    known: dict[str, Callable[[], Framework]] = {
        "torch": Torch,
        "jax": Jax,
        "tensorflow": TensorFlow,
    }
    return known[name]()
