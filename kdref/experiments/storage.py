"""A run's networks on disk: one ``.npz`` without pickle each, and ``run.json`` that says what they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdref.experiments.regimes import REGIMES, TEACHER, TEACHER_SIZES, Regime
from kdref.experiments.runner import Loaded, RegimeResult
from kdref.network import Parameters, load_parameters, save_parameters

CONTENTS = "run.json"


def save_run(folder: Path, results: Mapping[str, RegimeResult], *, seed: int) -> None:
    """Write all networks of a run.

    Parameters
    ----------
    folder : Path
        Made if it is not there; files of the same names are replaced.
    results : mapping of str to RegimeResult
        From `run_experiment`.
    seed : int
        The run's, which the division of the images depends on.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    for name, result in results.items():
        for single in result.seeds:
            for network, parameters in single.parameters.items():
                path = _path(folder, name, single.seed[1], network)
                path.parent.mkdir(parents=True, exist_ok=True)
                save_parameters(path, parameters)
    n_seeds = len(next(iter(results.values())).seeds)
    contents = {"seed": seed, "n_seeds": n_seeds, "regimes": list(results)}
    (folder / CONTENTS).write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def load_run(folder: Path) -> tuple[int, list[Regime], Loaded]:
    """Read what `save_run` wrote.

    Parameters
    ----------
    folder : Path
        The folder it was written to.

    Returns
    -------
    (int, list of Regime, mapping)
        The run's seed, its comparisons, and for each repetition, regime and name
        the parameters.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If ``run.json`` does not describe a run, or a file holds another network
        than it should.
    """
    seed, n_seeds, names = _contents(folder / CONTENTS)
    regimes = [REGIMES[name] for name in names]
    loaded = {
        repetition: {regime.name: _networks(folder, regime, repetition) for regime in regimes}
        for repetition in range(n_seeds)
    }
    return seed, regimes, loaded


def _path(folder: Path, regime: str, repetition: int, network: str) -> Path:
    return folder / regime / f"{repetition}-{network.replace(' ', '-').replace(chr(39), '')}.npz"


def _contents(path: Path) -> tuple[int, int, Sequence[str]]:
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
        seed, n_seeds, names = (contents[key] for key in ("seed", "n_seeds", "regimes"))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} must name seed, n_seeds and regimes, got {error!r}") from error
    known = _are(int, (seed, n_seeds)) and _are(str, names) and set(names) <= set(REGIMES)
    if not known or min(seed, n_seeds - 2) < 0 or not names:
        raise ValueError(f"{path} must describe a run of {', '.join(REGIMES)}, got {contents}")
    return seed, n_seeds, names


def _are(kind: type, values: Iterable[Any]) -> bool:
    return isinstance(values, list | tuple) and all(type(value) is kind for value in values)


def _networks(folder: Path, regime: Regime, repetition: int) -> dict[str, Parameters]:
    networks = {}
    for network in (TEACHER, *regime.students):
        path = _path(folder, regime.name, repetition, network)
        parameters = load_parameters(path)
        expected = TEACHER_SIZES if network == TEACHER else regime.student_sizes
        widths = (len(parameters[0][0]), *(len(bias) for _, bias in parameters))
        if widths != expected or parameters[0][0].dtype != float:
            raise ValueError(
                f"{path} must hold a float64 network of widths {expected}, "
                f"got {parameters[0][0].dtype} of {widths}"
            )
        networks[network] = parameters
    return networks
