"""Speed and memory of value and gradient of T² KL, beside SciPy, PyTorch and JAX, on the same float32 arrays.

    python -m tests.benchmarks.speed [--rounds 15] [--shapes 256x1000 8192x1000] [--save]

Contenders take turns, one run at a time, each in its own process, so that what else the machine does strikes all of
them alike; medians are reported.  The machine's other work lengthens the wall clock; processor
time, added up over the cores, is the steadier figure and stands beside it.  ``--save`` writes ``results/speed.json``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.benchmarks.contenders import CONTENDERS, TEMPERATURE

SHAPES = ((128, 10), (256, 1000), (8192, 1000), (512, 128256))
RESULT = Path(__file__).parent / "results" / "speed.json"
ROOT = Path(__file__).parents[2]
SEED = 20150309
LIMITS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
"""Not handed on: every contender may use all cores, whatever the shell was told."""


class Worker:
    """A contender in its own process."""

    def __init__(self, name: str, *files: Path) -> None:
        self.name = name
        self.seconds: list[tuple[float, float]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.contenders", name, *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in LIMITS},
        )

    def run(self) -> None:
        """One more run."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.seconds.append(self.answer())

    def finish(self) -> dict[str, Any]:
        """Its median time, its best one, its peak memory and its value."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        last = self.answer()
        self.process.wait()
        wall, cpu = zip(*self.seconds, strict=True)
        return {
            "seconds": median(wall),
            "best_seconds": min(wall),
            "cpu_seconds": median(cpu),
            "best_cpu_seconds": min(cpu),
            **last,
        }

    def answer(self) -> Any:
        """The next line of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)


def measure(shape: tuple[int, int], rounds: int) -> dict[str, Any]:
    """All contenders on one pair of arrays."""
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = [Path(folder) / f"{side}.npy" for side in ("student", "teacher")]
        for file in files:
            np.save(file, 3.0 * rng.standard_normal(shape, np.float32))
        workers = [Worker(name, *files) for name in CONTENDERS]
        for worker in workers:
            stack.callback(worker.process.kill)
        for worker in workers:  # the first answer comes when it is ready
            worker.run()
            worker.seconds.clear()
        for _ in range(rounds):
            for worker in workers:
                worker.run()
        return {worker.name: worker.finish() for worker in workers}


def machine() -> dict[str, str]:
    """Where this was measured."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    packages = {name: version(name) for name in ("numpy", "scipy", "torch", "jax")}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": cpu, "cores": str(cores), "python": platform.python_version(), **packages}


def report(results: dict[str, Any]) -> str:
    """Times, ratios and memory, one line for each contender."""
    lines = [", ".join(f"{key} {value}" for key, value in results["machine"].items())]
    for shape, by_name in results["shapes"].items():
        lines += ["", f"{shape} float32, T = {TEMPERATURE:g}", ""]
        lines.append(
            f"{'':14} {'ms':>10} {'best':>10} {'cpu':>10} {'best':>10} {'kdref is':>16} {'peak MiB':>9}"
        )
        own = by_name["kdref"]["seconds"]
        for name, row in by_name.items():
            ratio = row["seconds"] / own
            words = f"{ratio:.2f} x as fast" if name != "kdref" else ""
            lines.append(
                f"{name:14} {1e3 * row['seconds']:10.3f} {1e3 * row['best_seconds']:10.3f} "
                f"{1e3 * row['cpu_seconds']:10.3f} {1e3 * row['best_cpu_seconds']:10.3f} {words:>16} "
                f"{row['peak_bytes'] / 2**20:9.0f}"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and print; write the result file if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--shapes", nargs="*", default=[f"{n}x{c}" for n, c in SHAPES])
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    shapes = [tuple(map(int, shape.split("x"))) for shape in arguments.shapes]
    results: dict[str, Any] = {"machine": machine(), "temperature": TEMPERATURE, "shapes": {}}
    for n, c in shapes:
        results["shapes"][f"{n} x {c}"] = measure((n, c), arguments.rounds)
    sys.stdout.write(report(results) + "\n")
    if arguments.save:
        if RESULT.exists():  # shapes that were not measured this time keep their figures
            old = json.loads(RESULT.read_text(encoding="utf-8"))["shapes"]
            results["shapes"] = {**old, **results["shapes"]}
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
