"""Brings published code to a test: whole packages, or one module of a package without the rest of it."""

import importlib
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

# Before anything imports Keras, which would ask for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "torch")


def package(name: str) -> Any:
    """An optional package; the test that needs it is skipped without it."""
    return pytest.importorskip(name)


def alone(name: str) -> Any:
    """A module of an installed package, as published, without the ``__init__`` files above it.

    Those import trainers, viewers and clients of services, which the arithmetic does not need; the packages above the
    module are left in ``sys.modules`` as bare folders, for what it imports itself.
    """
    top, *rest = name.split(".")
    found = importlib.util.find_spec(top) if top not in sys.modules else sys.modules[top].__spec__
    if top not in sys.modules:
        if found is None or not found.submodule_search_locations:
            pytest.skip(f"{top} is not installed")
        folder = Path(next(iter(found.submodule_search_locations)))
        for depth in range(len(rest)):
            parent = types.ModuleType(".".join((top, *rest[:depth])))
            parent.__path__ = [str(folder.joinpath(*rest[:depth]))]
            parent.__spec__ = importlib.util.spec_from_loader(
                parent.__name__, None, is_package=True
            )
            sys.modules.setdefault(parent.__name__, parent)
    return pytest.importorskip(name, exc_type=ImportError)
