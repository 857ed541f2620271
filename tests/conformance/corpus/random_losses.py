"""Random losses with none to four mistakes, and the codes that a diagnosis should report.

Each mistake is one entry of `MENU`: what it changes in a recipe.  `make` draws a recipe, `Recipe.loss` runs it,
`Recipe.codes` says what should be found.  Combinations that are equal by algebra, or that undo one another, are
left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

OTHERS = ("squared", "raw squared", "js", "binary")


@dataclass(frozen=True)
class Recipe:
    """A loss as options; the defaults are the Hinton loss."""

    divergence: str = "kl"
    student_tau: float | None = None
    teacher_tau: float | None = None
    power: float = 2.0
    weights: str = "alpha"
    class_mean: bool = False
    rows: str = "mean"
    constant: float = 1.0
    hard_tempered: bool = False
    hard_twice: bool = False
    soft_twice: bool = False
    batch_axis: bool = False
    smoothing: float = 0.0
    soft_epsilon: float = 0.0
    hard_epsilon: float = 0.0
    base_2: bool = False
    offset: bool = False
    jump: float | None = None
    swapped: bool = False
    ignored: bool = False
    multiplied: bool = False
    single: bool = False
    vector: bool = False

    def loss(
        self, student: Any, teacher: Any, labels: Any, *, temperature: float, alpha: float
    ) -> Any:
        if self.swapped:
            student, teacher = teacher, student
        hard = self.hard(student, labels, temperature)
        soft = self.soft(student, teacher, temperature)
        if self.ignored:
            soft = 0.0 * soft
        if self.base_2:
            hard, soft = hard / np.log(2.0), soft / np.log(2.0)
        if self.rows == "sum":
            hard, soft = hard * len(labels), soft * len(labels)
        if self.jump is not None and alpha == self.jump:
            rows = soft if alpha == 0.0 else 3.0 * hard
        else:
            a, b = WEIGHTS[self.weights](alpha)
            rows = a * soft + b * hard
        if self.vector:
            return rows
        value = rows.mean()
        return float(np.float32(value)) if self.single else float(value)

    def hard(self, student: Any, labels: Any, temperature: float) -> Any:
        z = student / temperature if self.hard_tempered else student
        if self.hard_twice:
            z = np.exp(log_softmax(z))
        logs = log_softmax(z)
        at = logs[np.arange(len(labels)), labels]
        if self.hard_epsilon:
            at = np.log(np.exp(at) + self.hard_epsilon)
        return -(1.0 - self.smoothing) * at - self.smoothing * logs.mean(axis=-1)

    def soft(self, student: Any, teacher: Any, temperature: float) -> Any:
        tau = 1.0 / temperature if self.multiplied else temperature
        a = student / (self.student_tau or tau)
        b = teacher / (self.teacher_tau or tau)
        axis = 0 if self.batch_axis else -1
        log_q, log_p = log_softmax(a, axis), log_softmax(b, axis)
        if self.soft_twice:
            log_q, log_p = log_softmax(np.exp(log_q)), log_softmax(np.exp(log_p))
        p, q = np.exp(log_p), np.exp(log_q)
        if self.soft_epsilon:
            log_q, log_p = np.log(q + self.soft_epsilon), np.log(p + self.soft_epsilon)
        entries = self.entries(student, teacher, p, q, log_p, log_q)
        rows = entries.mean(axis=-1) if self.class_mean else entries.sum(axis=-1)
        if self.rows == "twice":
            rows = rows / len(rows)
        rows = rows * self.constant * temperature**self.power
        return rows + (temperature**2 * np.log(temperature**2) if self.offset else 0.0)

    def entries(self, student: Any, teacher: Any, p: Any, q: Any, log_p: Any, log_q: Any) -> Any:
        m = 0.5 * (p + q)
        with np.errstate(all="ignore"):
            return {
                "kl": p * (log_p - log_q),
                "cross entropy": -p * log_q,
                "reverse": q * (log_q - log_p),
                "no log": p * (log_p - q),
                "squared": (p - q) ** 2,
                "raw squared": (student - teacher) ** 2,
                "raw target": -teacher * log_q,
                "js": 0.5 * p * (log_p - np.log(m)) + 0.5 * q * (log_q - np.log(m)),
                "binary": -(p * log_q + (1.0 - p) * np.log1p(-q)),
            }[self.divergence]

    def codes(self) -> frozenset[str]:
        found = self._hard_codes() | ({"LOG_BASE_2"} if self.base_2 else set())
        found |= {"ROW_SUM"} if self.rows == "sum" else set()
        if self.swapped:
            found.add("LABELS_ON_TEACHER" if self._only_labels_swapped else "ROLES_SWAPPED")
        found |= {"TEACHER_IGNORED"} if self.ignored else self._soft_codes()
        if self.jump is not None:
            found.add("ALPHA_DISCONTINUOUS")
        return frozenset(found or {"AGREES"})

    @property
    def _only_labels_swapped(self) -> bool:
        """A reversed KL of exchanged roles is a KL of the right ones."""
        return self.swapped and self.divergence == "reverse"

    def _hard_codes(self) -> set[str]:
        if self.weights == "soft only":
            return set()
        flags = {
            "HARD_AT_TEMPERATURE": self.hard_tempered,
            "DOUBLE_SOFTMAX_HARD": self.hard_twice,
            "LABEL_SMOOTHING": self.smoothing > 0.0,
            "EPSILON": self.hard_epsilon > 0.0,
        }
        return {code for code, holds in flags.items() if holds}

    def _soft_codes(self) -> set[str]:
        other = self.divergence in OTHERS
        flags = {
            "OTHER_LOSS": other,
            "CROSS_ENTROPY_NOT_KL": self.divergence in ("cross entropy", "raw target"),
            "KL_REVERSED": self.divergence == "reverse" and not self._only_labels_swapped,
            "SOFTMAX_NOT_LOG": self.divergence == "no log",
            "NO_SOFTMAX": self.divergence == "raw target",
            "CLASS_MEAN": self.class_mean
            and self.divergence not in ("squared", "raw squared", "binary"),
            "ROW_MEAN_TWICE": self.rows == "twice",
            "NEGATIVE_WEIGHT": self.constant < 0.0,
            "CONSTANT_FACTOR": abs(self.constant) != 1.0
            and not other
            and not self.weights.startswith("free"),
            "DOUBLE_SOFTMAX_SOFT": self.soft_twice,
            "SOFTMAX_WRONG_AXIS": self.batch_axis,
            "EPSILON": self.soft_epsilon > 0.0,
            "CONSTANT_OFFSET": self.offset,
            "ALPHA_ON_HARD": self.weights == "on hard",
            "SOFT_ONLY": self.weights == "soft only",
            "FREE_WEIGHTS": self.weights.startswith("free"),
        }
        return {code for code, holds in flags.items() if holds} | self._temperature_codes()

    def _temperature_codes(self) -> set[str]:
        if self.divergence in ("raw squared", "raw target"):
            return set()
        s, t = self.student_tau, self.teacher_tau
        if s == t == 1.0:
            return {"TEMPERATURE_IGNORED"}
        if self._only_labels_swapped:
            s, t = t, s  # else the recipe names its roles after the exchange
        found = {"TEMPERATURE_FIXED"} if s is not None and s == t else set()
        found |= {"STUDENT_NOT_SOFTENED"} if s == 1.0 else set()
        found |= {"TEACHER_NOT_SOFTENED"} if t == 1.0 else set()
        found |= {"TEMPERATURE_MULTIPLIED"} if self.multiplied and None in (s, t) else set()
        quiet = self.divergence in ("squared", "binary") and self.power == 0.0
        names = {
            0.0: "T_SQUARED_MISSING",
            4.0: "T_SQUARED_TWICE",
            -2.0: "T_SQUARED_INVERTED",
            1.0: "T_POWER",
        }
        return found | ({names[self.power]} if self.power in names and not quiet else set())


WEIGHTS: dict[str, Callable[[float], tuple[float, float]]] = {
    "alpha": lambda a: (a, 1.0 - a),
    "on hard": lambda a: (1.0 - a, a),
    "soft only": lambda a: (1.0, 0.0),
    "free alpha": lambda a: (a, 1.0),
    "free constants": lambda a: (0.3, 0.8),
}


def log_softmax(z: Any, axis: int = -1) -> Any:
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


MENU: dict[str, tuple[Any, ...]] = {
    "divergence": ("cross entropy", "cross entropy", "reverse", "no log", "raw target", *OTHERS),
    "power": (0.0, 0.0, 0.0, 4.0, -2.0, 1.0),
    "taus": ("ignored", "fixed", "student", "teacher"),
    "weights": ("on hard", "on hard", "soft only", "free alpha", "free constants"),
    "class_mean": (True,),
    "rows": ("sum", "twice"),
    "constant": (2.0, 100.0, 25.0, -1.0),
    "hard_tempered": (True,),
    "hard_twice": (True,),
    "soft_twice": (True,),
    "batch_axis": (True,),
    "smoothing": (0.1, 0.05),
    "soft_epsilon": (1e-5, 1e-7, 1e-8, 1e-10, 1e-12),
    "hard_epsilon": (1e-7, 1e-8, 1e-10),
    "base_2": (True,),
    "offset": (True,),
    "jump": (0.0, 1.0),
    "swapped": (True,),
    "ignored": (True,),
    "multiplied": (True,),
    "single": (True,),
    "vector": (True,),
}


def make(rng: np.random.Generator) -> Recipe:
    """A recipe with none to four entries of the menu."""
    chosen = rng.permutation(list(MENU))[: int(rng.choice(5, p=(0.04, 0.22, 0.3, 0.26, 0.18)))]
    options: dict[str, Any] = {
        str(name): MENU[str(name)][rng.integers(len(MENU[str(name)]))] for name in chosen
    }
    taus = options.pop("taus", None)
    if taus == "fixed":
        fixed = float(
            rng.choice(
                [2.0, 3.0, 5.0, 20.0, round(rng.uniform(0.5, 9.0), 2), rng.uniform(0.5, 9.0)]
            )
        )
        options |= {"student_tau": fixed, "teacher_tau": fixed}
    elif taus is not None:
        options |= {"student_tau": 1.0} if taus != "teacher" else {}
        options |= {"teacher_tau": 1.0} if taus != "student" else {}
    return _sensible(Recipe(**options))


def _sensible(r: Recipe) -> Recipe:
    """Leave out what has no effect, has no name, or is equal to something else by algebra."""
    if r.ignored:
        return Recipe(
            ignored=True, hard_tempered=r.hard_tempered, hard_twice=r.hard_twice, base_2=r.base_2
        )
    if r.weights == "soft only":
        r = replace(
            r,
            hard_tempered=False,
            hard_twice=False,
            smoothing=0.0,
            hard_epsilon=0.0,
            jump=None,
            swapped=False,
        )
    if r.weights == "free constants" or (r.weights == "on hard" and r.jump == 0.0):
        r = replace(r, jump=None)  # the second would jump to what stands there anyway
    if r.divergence in ("raw squared", "raw target"):
        r = replace(r, batch_axis=False, soft_twice=False, soft_epsilon=0.0, student_tau=None, teacher_tau=None,
                    multiplied=False)  # fmt: skip
    if r.divergence not in ("kl", "cross entropy"):
        r = replace(r, soft_epsilon=0.0)
    if r.divergence == "binary":
        r = replace(r, soft_twice=False, batch_axis=False)
    if r.student_tau is not None and r.student_tau == r.teacher_tau:
        r = replace(r, multiplied=False)
        if r.student_tau != 1.0:
            r = replace(
                r, constant=1.0, weights="alpha" if r.weights.startswith("free") else r.weights
            )
    if r.soft_epsilon:
        r = replace(r, batch_axis=False, soft_twice=False, single=False)
    if r.hard_epsilon:
        r = replace(r, smoothing=0.0, hard_twice=False, single=False)
    if r.batch_axis:
        r = replace(r, soft_twice=False)
    if r.multiplied and r.divergence in ("reverse", "kl", "js") and r.soft_epsilon:
        r = replace(r, multiplied=False)
    if r.single:
        r = replace(
            r, offset=False, vector=False, constant=1.0 if r.constant == 100.0 else r.constant
        )
    return r
