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
    *parents, _ = name.split(".")
    found = None if parents[0] in sys.modules else importlib.util.find_spec(parents[0])
    if found is not None and found.submodule_search_locations:
        top = Path(next(iter(found.submodule_search_locations)))
        for depth in range(1, len(parents) + 1):
            bare = types.ModuleType(".".join(parents[:depth]))
            bare.__path__ = [str(top.joinpath(*parents[1:depth]))]
            # Others ask whether a package is there by looking for its specification.
            bare.__spec__ = importlib.util.spec_from_loader(bare.__name__, None, is_package=True)
            sys.modules.setdefault(bare.__name__, bare)
    return pytest.importorskip(name, exc_type=ImportError)
