"""The terms that a distillation loss is made of, each as data, and one evaluation that fit and `Convention` share.

A `Term` is a kind, one or two distributions, an option (a mixing weight, an exponent) and floors (an epsilon
inside a logarithm).  The value of a term is the mean over rows of its row value.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance.distributions import Batch, Distribution, log_softmax

EXCLUDED = -1e30
"""A logit that takes a class out of a softmax without making an infinity."""


SMALLEST_NORM = 1e-300
"""A zero vector, or a constant one in a correlation, has cosine 0 with every other."""


class Floor(NamedTuple):
    """An epsilon that keeps a logarithm finite.

    Attributes
    ----------
    mode : str
        A key of ``FLOORS`` where the logarithm alone is changed; ``"clip all"``, ``"add all"`` where
        the probabilities are changed before everything else; ``"ratio"`` for log(p/q + epsilon).
    epsilon : float
        The constant.
    """

    mode: str
    epsilon: float


class Term(NamedTuple):
    """One term of a loss.

    Attributes
    ----------
    kind : str
        A key of ``KINDS``.
    first, second : Distribution or None
        In mathematical order: KL(first || second), CE(first, second); a term with labels has only a second.
    option : float, str or None
        A mixing weight (also ``"alpha"`` or ``"1 - alpha"``) or an exponent.
    first_floor, second_floor : Floor or None
        Epsilons inside the logarithms of either side.
    """

    kind: str
    first: Distribution | None = None
    second: Distribution | None = None
    option: float | str | None = None
    first_floor: Floor | None = None
    second_floor: Floor | None = None

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions that occur, first and second."""
        return tuple(d for d in (self.first, self.second) if d is not None)

    @property
    def sides(self) -> frozenset[str]:
        """The sides whose logits the term sees."""
        return frozenset(d.side for d in self.distributions)

    @property
    def plain(self) -> "Term":
        """The term without its epsilons."""
        return self._replace(first_floor=None, second_floor=None)

    @property
    def floored(self) -> bool:
        """Whether an epsilon stands in it."""
        return self.first_floor is not None or self.second_floor is not None

    def text(self) -> str:
        """Readable text, such as ``KL(teacher/T || student/T)``."""
        parts = {"a": self.first, "b": self.second}
        words = {name: d.text() for name, d in parts.items() if d is not None}
        option = f"{self.option:.6g}" if isinstance(self.option, float) else str(self.option)
        text = KINDS[self.kind].text.format(w=option, **words)
        floors = {f for f in (self.first_floor, self.second_floor) if f is not None}
        notes = sorted(f"{f.mode} {f.epsilon:.3g}" for f in floors)
        return text + (f" [{', '.join(notes)}]" if notes else "")

    def latex(self) -> str:
        """The same as LaTeX."""
        parts = {"a": self.first, "b": self.second}
        words = {name: d.latex() for name, d in parts.items() if d is not None}
        option = f"{self.option:.6g}" if isinstance(self.option, float) else str(self.option)
        return _filled(KINDS[self.kind].latex, {"w": option.replace("alpha", r"\alpha"), **words})


def _filled(template: str, words: dict[str, str]) -> str:
    """LaTeX is full of braces: placeholders are written <a>."""
    for name, word in words.items():
        template = template.replace(f"<{name}>", word)
    return template


def value(term: Term, batch: Batch) -> FloatArray:
    """The term's value in each of the calls of a batch, shape (M,)."""
    rows = KINDS[term.kind].rows(term, batch)
    return rows.mean(axis=-1) if rows.ndim == 2 else rows


def columns(terms: list[Term], batch: Batch) -> FloatArray:
    """Values of several terms side by side, shape (M, number of terms)."""
    return np.stack([value(term, batch) for term in terms], axis=1)


# How the floors change a log-probability ------------------------------------------------------------------


def _renormalised(floored: FloatArray) -> FloatArray:
    result: FloatArray = np.log(floored / floored.sum(axis=-1, keepdims=True))
    return result


FLOORS: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "add": lambda p, e: np.log(p + e),
    "clip": lambda p, e: np.log(np.maximum(p, e)),
    "clip both": lambda p, e: np.log(np.clip(p, e, 1.0 - e)),
    "add, renormalise": lambda p, e: _renormalised(p + e),
    "clip, renormalise": lambda p, e: _renormalised(np.clip(p, e, 1.0 - e)),
}

WHOLE: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "clip all": lambda p, e: np.clip(p, e, 1.0),
    "add all": lambda p, e: p + e,
}


def _log(d: Distribution | None, floor: Floor | None, batch: Batch) -> FloatArray:
    if floor is None:
        return batch.log_p(_given(d))
    return FLOORS[floor.mode](batch.p(_given(d)), floor.epsilon)


def _given(d: Distribution | None) -> Distribution:
    if d is None:
        raise TypeError("the kind of this term needs another distribution, got None")
    return d


def _times_log(p: FloatArray, log_p: FloatArray) -> FloatArray:
    """P log p with 0 log 0 = 0; of a negative "probability" it is not a number."""
    return np.where(p > 0.0, p * log_p, np.where(p == 0.0, 0.0, np.nan))


def _sum(values: FloatArray) -> FloatArray:
    return np.asarray(values.sum(axis=-1))


# Row values ------------------------------------------------------------------------------------------------


def _cross_entropy(term: Term, batch: Batch) -> FloatArray:
    first, second = _given(term.first), _given(term.second)
    p, floor = batch.p(first), term.first_floor
    if floor is not None and floor.mode in WHOLE:
        change = WHOLE[floor.mode]
        return -_sum(change(p, floor.epsilon) * np.log(change(batch.p(second), floor.epsilon)))
    if first.transform == "sigmoid":
        log_q = batch.log_p(second)
        return -_sum(p * log_q + (1.0 - p) * (log_q - batch.scores(second)))
    # A raw second argument has been passed where log-probabilities were expected.
    raw = second.transform == "raw"
    return -_sum(p * (batch.scores(second) if raw else _log(second, term.second_floor, batch)))


def _kl(term: Term, batch: Batch) -> FloatArray:
    first, floor = _given(term.first), term.first_floor
    p = batch.p(first)
    if floor is not None and floor.mode == "ratio":
        return _sum(p * np.log(p / batch.p(_given(term.second)) + floor.epsilon))
    if floor is not None and floor.mode in WHOLE:
        changed = WHOLE[floor.mode](p, floor.epsilon)
        return _cross_entropy(term, batch) + _sum(changed * np.log(changed))
    if first.transform == "sigmoid":
        log_p = batch.log_p(first)
        own = _sum(p * log_p + (1.0 - p) * (log_p - batch.scores(first)))
        return _cross_entropy(term, batch) + own
    return _cross_entropy(term, batch) + _sum(_times_log(p, _log(first, floor, batch)))


def _kl_without_log(term: Term, batch: Batch) -> FloatArray:
    first = _given(term.first)
    p = batch.p(first)
    own = _times_log(p, _log(first, term.first_floor, batch))
    return _sum(own - p * batch.p(_given(term.second)))


def _pair(
    formula: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[Term, Batch], FloatArray]:
    """A row value that sees two distributions through their probabilities alone."""

    def rows(term: Term, batch: Batch) -> FloatArray:
        return formula(batch.p(_given(term.first)), batch.p(_given(term.second)))

    return rows


def _log_pair(
    formula: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[Term, Batch], FloatArray]:
    def rows(term: Term, batch: Batch) -> FloatArray:
        return formula(batch.log_p(_given(term.first)), batch.log_p(_given(term.second)))

    return rows


def _huber(p: FloatArray, q: FloatArray) -> FloatArray:
    d = abs(p - q)
    return _sum(np.where(d < 1.0, 0.5 * d * d, d - 0.5))


def _cosine(x: FloatArray, y: FloatArray) -> FloatArray:
    norms = np.sqrt(_sum(x * x) * _sum(y * y))
    return 1.0 - _sum(x * y) / np.maximum(norms, SMALLEST_NORM)


def _correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    return _cosine(x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True))


def _column_correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    rows = _correlation(np.swapaxes(x, -1, -2), np.swapaxes(y, -1, -2))
    return np.asarray(rows.mean(axis=-1))


def _sorted_distance(p: FloatArray, q: FloatArray) -> FloatArray:
    return _sum(abs(np.sort(p, axis=-1) - np.sort(q, axis=-1)))


def _binary_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    p, q = batch.p(_given(term.first)), batch.p(_given(term.second))
    if term.second_floor is not None:
        q = np.clip(q, term.second_floor.epsilon, 1.0 - term.second_floor.epsilon)
    return -_sum(p * np.log(q) + (1.0 - p) * np.log1p(-q))


def _entropy(term: Term, batch: Batch) -> FloatArray:
    first = _given(term.first)
    return -_sum(_times_log(batch.p(first), _log(first, term.first_floor, batch)))


def mixing_weight(option: float | str | None, alpha: float) -> float:
    """The number that a mixing weight stands for."""
    if isinstance(option, str):
        return {"alpha": alpha, "1 - alpha": 1.0 - alpha}[option]
    return float(option or 0.0)


def _mixture(term: Term, batch: Batch) -> tuple[FloatArray, FloatArray, float]:
    """KL of either side to the mixture w first + (1 - w) second, and w."""
    first, second = _given(term.first), _given(term.second)
    w, p, q = mixing_weight(term.option, batch.alpha), batch.p(first), batch.p(second)
    log_m = np.log(w * p + (1.0 - w) * q)
    to_first = _sum(_times_log(p, batch.log_p(first)) - p * log_m)
    return to_first, _sum(_times_log(q, batch.log_p(second)) - q * log_m), w


def _generalised_js(term: Term, batch: Batch) -> FloatArray:
    first, second, w = _mixture(term, batch)
    return w * first + (1.0 - w) * second


def _crossed_js(term: Term, batch: Batch) -> FloatArray:
    first, second, w = _mixture(term, batch)
    return (1.0 - w) * first + w * second


def _skew_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    p, q = batch.p(_given(term.first)), batch.p(_given(term.second))
    w = mixing_weight(term.option, batch.alpha)
    return -_sum(p * np.log(w * p + (1.0 - w) * q))


def _label(term: Term, batch: Batch) -> FloatArray:
    return -batch.at_label(_log(term.second, term.second_floor, batch))


def _uniform(term: Term, batch: Batch) -> FloatArray:
    return np.asarray(-_log(term.second, term.second_floor, batch).mean(axis=-1))


def _probability_at_label(term: Term, batch: Batch) -> FloatArray:
    return batch.at_label(batch.p(_given(term.second)))


def _raw_label(term: Term, batch: Batch) -> FloatArray:
    return -batch.at_label(batch.logits[_given(term.second).side])


def _focal(term: Term, batch: Batch) -> FloatArray:
    gamma = float(term.option or 0.0)
    return np.asarray((1.0 - _probability_at_label(term, batch)) ** gamma * _label(term, batch))


def _squared_to_label(term: Term, batch: Batch) -> FloatArray:
    p = batch.p(_given(term.second))
    return _sum(p * p) - 2.0 * batch.at_label(p) + 1.0


def _binary_label(term: Term, batch: Batch) -> FloatArray:
    second = _given(term.second)
    if second.transform == "sigmoid":
        z = batch.scores(second)
        return -_sum(batch.log_p(second) - z) - batch.at_label(z)
    log_rest = np.log1p(-batch.p(second))
    return batch.at_label(log_rest) - _sum(log_rest) + _label(term, batch)


def _teacher_choice(term: Term, batch: Batch) -> FloatArray:
    choice = batch.logits[_given(term.first).side].argmax(axis=-1)[..., np.newaxis]
    return -np.take_along_axis(batch.log_p(_given(term.second)), choice, axis=-1)[..., 0]


def _target_kl(term: Term, batch: Batch) -> FloatArray:
    p = batch.at_label(batch.p(_given(term.first)))
    q = batch.at_label(batch.p(_given(term.second)))
    return np.asarray(p * np.log(p / q) + (1.0 - p) * (np.log1p(-p) - np.log1p(-q)))


def _non_target_logs(term: Term, batch: Batch) -> tuple[FloatArray, FloatArray]:
    z = (batch.scores(d) for d in (_given(term.first), _given(term.second)))
    first, second = (log_softmax(np.where(batch.is_label(), EXCLUDED, each), -1) for each in z)
    return first, second


def _non_target_kl(term: Term, batch: Batch) -> FloatArray:
    first, second = _non_target_logs(term, batch)
    return _sum(np.where(batch.is_label(), 0.0, np.exp(first) * (first - second)))


def _non_target_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    first, second = _non_target_logs(term, batch)
    return -_sum(np.where(batch.is_label(), 0.0, np.exp(first) * second))


def _target_cross_entropy(term: Term, batch: Batch) -> FloatArray:
    log_q = batch.log_p(_given(term.second))
    return -batch.at_label(batch.p(_given(term.first)) * log_q)


class Kind(NamedTuple):
    """A kind of term.

    Attributes
    ----------
    rows : callable
        The row values of a term in a batch, shape (M, N); or (M,) where no row value exists.
    name : str
        What it is called in a report.
    text, latex : str
        Templates with the two distributions and the option.
    labels : bool
        Whether it sees the labels.
    class_sum : bool
        Whether it is defined as a sum over the classes, so that a division by C is a mistake.
    """

    rows: Callable[[Term, Batch], FloatArray]
    name: str
    text: str
    latex: str
    labels: bool = False
    class_sum: bool = True


def _kind(
    rows: Callable[[Term, Batch], FloatArray],
    name: str,
    text: str,
    latex: str = "",
    *,
    labels: bool = False,
    class_sum: bool = True,
) -> Kind:
    written = latex or r"\text{" + name + "}(<a>, <b>)"
    return Kind(rows, name, text, written, labels, class_sum)


def _ones(term: Term, batch: Batch) -> FloatArray:
    return np.ones((batch.n_calls, batch.n_examples))


KINDS: dict[str, Kind] = {
    "constant": _kind(_ones, "a constant", "1", "1"),
    "kl": _kind(_kl, "KL divergence", "KL({a} || {b})", r"\mathrm{KL}(<a> \,\|\, <b>)"),
    "cross entropy": _kind(
        _cross_entropy, "cross entropy", "CE({a}, {b})", r"\mathrm{CE}(<a>, <b>)"
    ),
    "kl without log": _kind(
        _kl_without_log,
        "KL without a logarithm",
        "sum p (log p - q), p = {a}, q = {b}",
        r"\textstyle\sum p (\log p - q)",
    ),
    "dot": _kind(
        _pair(lambda p, q: -_sum(p * q)),
        "negative dot product",
        "-sum p q, p = {a}, q = {b}",
        r"-\textstyle\sum p q",
    ),
    "squared": _kind(
        _pair(lambda p, q: _sum((p - q) ** 2)),
        "squared error",
        "squared error({a}, {b})",
        r"\lVert <a> - <b> \rVert^2",
        class_sum=False,
    ),
    "root squared": _kind(
        _pair(lambda p, q: np.sqrt(_sum((p - q) ** 2))),
        "Euclidean distance",
        "distance({a}, {b})",
        r"\lVert <a> - <b> \rVert",
        class_sum=False,
    ),
    "absolute": _kind(
        _pair(lambda p, q: _sum(abs(p - q))),
        "absolute error (twice the total variation)",
        "absolute error({a}, {b})",
        r"\lVert <a> - <b> \rVert_1",
        class_sum=False,
    ),
    "huber": _kind(_pair(_huber), "Huber loss", "Huber({a}, {b})", class_sum=False),
    "hellinger": _kind(
        _pair(lambda p, q: 1.0 - _sum(np.sqrt(p * q))),
        "Hellinger distance",
        "Hellinger({a}, {b})",
    ),
    "chi squared": _kind(
        _pair(lambda p, q: _sum((p - q) ** 2 / q)),
        "chi-squared divergence",
        "chi2({a}, {b})",
    ),
    "renyi": _kind(
        _pair(lambda p, q: _sum(p * p / q)),
        "Rényi sum of order 2",
        "sum p^2/q, p = {a}, q = {b}",
    ),
    "squared logs": _kind(
        _log_pair(lambda p, q: _sum((p - q) ** 2)),
        "squared error of log-probabilities",
        "squared error(log {a}, log {b})",
        class_sum=False,
    ),
    "absolute logs": _kind(
        _log_pair(lambda p, q: _sum(abs(p - q))),
        "absolute error of log-probabilities",
        "absolute error(log {a}, log {b})",
        class_sum=False,
    ),
    "exponentiated": _kind(
        lambda term, batch: _sum(
            np.exp(batch.p(_given(term.first)))
            * (batch.p(_given(term.first)) - batch.log_p(_given(term.second)))
        ),
        "KL with probabilities given as log-probabilities",
        "sum e^p (p - log q), p = {a}, q = {b}",
    ),
    "p minus log": _kind(
        lambda term, batch: _sum(
            batch.p(_given(term.first))
            * (batch.p(_given(term.first)) - batch.log_p(_given(term.second)))
        ),
        "KL without the logarithm of p",
        "sum p (p - log q), p = {a}, q = {b}",
    ),
    "exponentiated raw": _kind(
        lambda term, batch: _sum(
            np.exp(batch.scores(_given(term.first)))
            * (batch.scores(_given(term.first)) - batch.scores(_given(term.second)))
        ),
        "KL with logits given as log-probabilities",
        "sum e^a (a - b), a = {a}, b = {b}",
    ),
    "binary": _kind(
        _binary_cross_entropy,
        "binary cross entropy of each class",
        "BCE({a}, {b})",
        r"\mathrm{BCE}(<a>, <b>)",
        class_sum=False,
    ),
    "binary kl": _kind(
        lambda term, batch: (
            _binary_cross_entropy(term, batch)
            - _binary_cross_entropy(term._replace(second=term.first), batch)
        ),
        "binary KL of each class",
        "binary KL({a} || {b})",
        class_sum=False,
    ),
    "entropy": _kind(_entropy, "entropy", "H({a})", "H(<a>)"),
    "generalised js": _kind(
        _generalised_js,
        "generalised Jensen-Shannon divergence",
        "JS({a}, {b}; {w})",
        r"\mathrm{JS}_{<w>}(<a>, <b>)",
    ),
    "crossed js": _kind(
        _crossed_js,
        "Jensen-Shannon divergence with crossed weights",
        "JS with crossed weights({a}, {b}; {w})",
    ),
    "kl to mixture": _kind(
        lambda term, batch: _mixture(term, batch)[0],
        "skew KL divergence",
        "KL({a} || {w} * {a} + (1 - {w}) * {b})",
    ),
    "kl from mixture": _kind(
        lambda term, batch: _mixture(term, batch)[1],
        "skew reverse KL divergence",
        "KL({b} || {w} * {a} + (1 - {w}) * {b})",
    ),
    "skew cross entropy": _kind(
        _skew_cross_entropy,
        "skew cross entropy",
        "CE({a}, {w} * {a} + (1 - {w}) * {b})",
    ),
    "cosine": _kind(_pair(_cosine), "cosine distance", "1 - cos({a}, {b})", class_sum=False),
    "correlation": _kind(
        _pair(_correlation), "correlation of rows", "1 - correlation({a}, {b})", class_sum=False
    ),
    "column correlation": _kind(
        _pair(_column_correlation),
        "correlation of classes across the batch",
        "1 - correlation across the batch({a}, {b})",
        class_sum=False,
    ),
    "sorted absolute": _kind(
        _pair(_sorted_distance),
        "universal logit distillation",
        "absolute error(sorted {a}, sorted {b})",
        class_sum=False,
    ),
    "sum": _kind(
        lambda term, batch: _sum(batch.logits[_given(term.first).side]),
        "sum of logits",
        "sum({a})",
        r"\textstyle\sum <a>",
    ),
    "squares": _kind(
        lambda term, batch: _sum(batch.p(_given(term.first)) ** 2),
        "sum of squares",
        "sum of squares({a})",
        r"\lVert <a> \rVert^2",
    ),
    "label": _kind(
        _label, "hard cross entropy", "CE(labels, {b})", r"\mathrm{CE}(y, <b>)", labels=True
    ),
    "uniform": _kind(
        _uniform,
        "cross entropy to the uniform distribution",
        "CE(uniform, {b})",
        r"\mathrm{CE}(1/C, <b>)",
    ),
    "error probability": _kind(
        lambda term, batch: 1.0 - _probability_at_label(term, batch),
        "error probability",
        "(1 - p_label), p = {b}",
        r"(1 - <b>_y)",
        labels=True,
        class_sum=False,
    ),
    "raw label": _kind(
        _raw_label, "negative logit of the label", "-{b} at the label", "-<b>_y", labels=True
    ),
    "focal": _kind(_focal, "focal loss", "focal(labels, {b}; {w})", "", labels=True),
    "squared to label": _kind(
        _squared_to_label,
        "squared error to the one-hot label",
        "squared error(one-hot, {b})",
        "",
        labels=True,
        class_sum=False,
    ),
    "binary label": _kind(
        _binary_label,
        "binary cross entropy to the label",
        "BCE(labels, {b})",
        "",
        labels=True,
        class_sum=False,
    ),
    "teacher choice": _kind(
        _teacher_choice,
        "cross entropy to the teacher's largest class",
        "CE(argmax {a}, {b})",
    ),
    "target kl": _kind(
        _target_kl,
        "decoupled distillation, target part",
        "TCKD({a} || {b})",
        r"\mathrm{TCKD}(<a> \,\|\, <b>)",
        labels=True,
    ),
    "non-target kl": _kind(
        _non_target_kl,
        "decoupled distillation, non-target part",
        "NCKD({a} || {b})",
        r"\mathrm{NCKD}(<a> \,\|\, <b>)",
        labels=True,
    ),
    "target cross entropy": _kind(
        _target_cross_entropy,
        "normalised distillation, target part",
        "-p_label log q_label, p = {a}, q = {b}",
        "",
        labels=True,
    ),
    "non-target cross entropy": _kind(
        _non_target_cross_entropy,
        "normalised distillation, non-target part",
        "CE({a}, {b}) of the other classes",
        "",
        labels=True,
    ),
}
"""Every kind of term that is known, by name."""
