"""Small inventories of what docstrings refer to elsewhere: links lead to other sites, the build asks nobody."""

import zlib
from pathlib import Path

SITES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
}

PYTHON_TYPES = {
    "int": "library/functions.html#int",
    "float": "library/functions.html#float",
    "str": "library/stdtypes.html#str",
    "list": "library/stdtypes.html#list",
    "tuple": "library/stdtypes.html#tuple",
    "dict": "library/stdtypes.html#dict",
    "frozenset": "library/stdtypes.html#frozenset",
    "pathlib.Path": "library/pathlib.html#pathlib.Path",
}
PYTHON_ERRORS = ("FloatingPointError", "OSError", "TypeError", "ValueError")

ENTRIES = {
    "python": [
        *(f"{name} py:class 1 {target} -" for name, target in PYTHON_TYPES.items()),
        *(f"{name} py:exception 1 library/exceptions.html#{name} -" for name in PYTHON_ERRORS),
        *(
            f"{name} py:data 1 library/constants.html#{name} -"
            for name in ("None", "True", "False")
        ),
        "callable py:function 1 library/functions.html#callable -",
        "bltin-boolean-values std:label -1 library/stdtypes.html#boolean-type-bool Boolean type",
        *(
            f"{name} std:term -1 glossary.html#term-{name} -"
            for name in ("iterable", "mapping", "sequence")
        ),
    ],
    "numpy": [
        "numpy.ndarray py:class 1 reference/generated/numpy.ndarray.html -",
        "numpy.memmap py:class 1 reference/generated/numpy.memmap.html -",
        "numpy.random.Generator py:class 1 reference/random/generator.html#numpy.random.Generator -",
        "array_like std:term -1 glossary.html#term-array_like -",
    ],
    "matplotlib": [
        "matplotlib.axes.Axes py:class 1 api/_as_gen/matplotlib.axes.Axes.html -",
        "matplotlib.figure.Figure py:class 1 api/_as_gen/matplotlib.figure.Figure.html -",
    ],
}


def write_inventories(folder: Path) -> dict[str, tuple[str, str]]:
    """Write one file per site in Sphinx's format and return them as ``intersphinx_mapping`` wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for name, site in SITES.items():
        head = (
            "# Sphinx inventory version 2\n"
            f"# Project: {name}\n"
            "# Version: \n"
            "# The remainder of this file is compressed using zlib.\n"
        )
        path = folder / f"{name}.inv"
        rows = "".join(f"{row}\n" for row in ENTRIES[name])
        path.write_bytes(head.encode() + zlib.compress(rows.encode()))
        mapping[name] = (site, str(path))
    return mapping
