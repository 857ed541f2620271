"""Every notebook is re-run and says what it says; ``python tests/test_notebooks.py --update`` runs and stores it.

Text is compared exactly. Of images only the presence counts: their bytes depend on the version of matplotlib.
"""

import importlib.util
import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 200_000
"""Bytes of a notebook with its outputs, so that a clone stays quick and GitHub shows it."""

NEEDS = {"06_is_my_loss_right": ("keras", "torch", "torchdistill", "trl")}
"""Notebooks that diagnose other libraries run where the extra ``peers`` is installed: with ``-m peers`` as well."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> NotebookNode:
    # nbformat's functions have no types
    notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
    return notebook


def executed(path: Path) -> NotebookNode:
    """The notebook with fresh outputs and without what differs from machine to machine."""
    notebook = read(path)
    # The inline back-end draws into the notebook; the tests' own choice of another one must not reach the kernel.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["PYTHONPATH"] = str(ROOT)
    environment["OMP_NUM_THREADS"] = (
        "1"  # a diagnosis is many small calls, which threads only slow down
    )
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute(env=environment)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def shown(cell: NotebookNode) -> list[object]:
    """What a reader sees below a cell: the text itself, and the kinds of picture."""
    outputs: list[object] = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        text = {kind: value for kind, value in data.items() if kind.startswith("text/")}
        outputs.append((output.output_type, output.get("text"), text, sorted(data)))
    return outputs


@each_notebook
def test_notebook_is_small_and_was_run_from_top_to_bottom(path: Path) -> None:
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert path.stat().st_size <= LARGEST
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]


@pytest.mark.notebooks
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.peers] if path.stem in NEEDS else [])
        for path in NOTEBOOKS
    ],
)
def test_notebook_prints_what_it_stores(path: Path) -> None:
    missing = [name for name in NEEDS.get(path.stem, ()) if not importlib.util.find_spec(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: the extra 'peers'")
    for number, (old, new) in enumerate(zip(read(path).cells, executed(path).cells, strict=True)):
        assert shown(new) == shown(old), (
            f"{path.name}, cell {number}: run with --update and look at the change"
        )


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"]:
        sys.exit("usage: python tests/test_notebooks.py --update [NOTEBOOK ...]")
    for chosen in [Path(name).resolve() for name in sys.argv[2:]] or NOTEBOOKS:
        nbformat.write(executed(chosen), chosen)  # type: ignore[no-untyped-call]  # it has no types
        sys.stdout.write(f"{chosen.name}: {chosen.stat().st_size // 1000} kB\n")
