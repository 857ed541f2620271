"""The kinds of terms that compare two distributions, and of those that see one."""

import numpy as np

from kdref.conformance.terms import soft
from kdref.conformance.terms.floors import given
from kdref.conformance.terms.kind import Kind, kind

SOFT_KINDS: dict[str, Kind] = {
    "constant": kind(soft.ones, "a constant", "1", "1"),
    "kl": kind(soft.kl, "KL divergence", "KL({a} || {b})", r"\mathrm{KL}(<a> \,\|\, <b>)"),
    "cross entropy": kind(
        soft.cross_entropy, "cross entropy", "CE({a}, {b})", r"\mathrm{CE}(<a>, <b>)"
    ),
    "kl without log": kind(
        soft.kl_without_log,
        "KL without a logarithm",
        "sum(p (log p - q); p = {a}, q = {b})",
        r"\textstyle\sum p (\log p - q)",
    ),
    "dot": kind(
        soft.pair(lambda p, q: -soft.over_classes(p * q)),
        "negative dot product",
        "-dot({a}, {b})",
        r"-\textstyle\sum p q",
    ),
    "squared": kind(
        soft.pair(lambda p, q: soft.over_classes((p - q) ** 2)),
        "squared error",
        "squared error({a}, {b})",
        r"\lVert <a> - <b> \rVert^2",
        class_sum=False,
    ),
    "root squared": kind(
        soft.pair(lambda p, q: np.sqrt(soft.over_classes((p - q) ** 2))),
        "Euclidean distance",
        "distance({a}, {b})",
        r"\lVert <a> - <b> \rVert",
        class_sum=False,
    ),
    "absolute": kind(
        soft.pair(lambda p, q: soft.over_classes(abs(p - q))),
        "absolute error (twice the total variation)",
        "absolute error({a}, {b})",
        r"\lVert <a> - <b> \rVert_1",
        class_sum=False,
    ),
    "huber": kind(soft.pair(soft.huber), "Huber loss", "Huber({a}, {b})", class_sum=False),
    "hellinger": kind(
        soft.pair(lambda p, q: 1.0 - soft.over_classes(np.sqrt(p * q))),
        "Hellinger distance",
        "Hellinger({a}, {b})",
    ),
    "chi squared": kind(
        soft.pair(lambda p, q: soft.over_classes((p - q) ** 2 / q)),
        "chi-squared divergence",
        "chi2({a}, {b})",
    ),
    "renyi": kind(
        soft.pair(lambda p, q: soft.over_classes(p * p / q)),
        "Rényi sum of order 2",
        "sum(p^2/q; p = {a}, q = {b})",
    ),
    "squared logs": kind(
        soft.log_pair(lambda p, q: soft.over_classes((p - q) ** 2)),
        "squared error of log-probabilities",
        "squared error(log {a}, log {b})",
        class_sum=False,
    ),
    "absolute logs": kind(
        soft.log_pair(lambda p, q: soft.over_classes(abs(p - q))),
        "absolute error of log-probabilities",
        "absolute error(log {a}, log {b})",
        class_sum=False,
    ),
    "exponentiated": kind(
        lambda term, batch: soft.over_classes(
            np.exp(batch.p(given(term.first)))
            * (batch.p(given(term.first)) - batch.log_p(given(term.second)))
        ),
        "KL with probabilities given as log-probabilities",
        "sum(e^p (p - log q); p = {a}, q = {b})",
    ),
    "p minus log": kind(
        lambda term, batch: soft.over_classes(
            batch.p(given(term.first))
            * (batch.p(given(term.first)) - batch.log_p(given(term.second)))
        ),
        "KL without the logarithm of p",
        "sum(p (p - log q); p = {a}, q = {b})",
    ),
    "exponentiated raw": kind(
        lambda term, batch: soft.over_classes(
            np.exp(batch.scores(given(term.first)))
            * (batch.scores(given(term.first)) - batch.scores(given(term.second)))
        ),
        "KL with logits given as log-probabilities",
        "sum(e^a (a - b); a = {a}, b = {b})",
    ),
    "binary": kind(
        soft.binary_cross_entropy,
        "binary cross entropy of each class",
        "BCE({a}, {b})",
        r"\mathrm{BCE}(<a>, <b>)",
        class_sum=False,
    ),
    "binary kl": kind(
        lambda term, batch: (
            soft.binary_cross_entropy(term, batch)
            - soft.binary_cross_entropy(term._replace(second=term.first), batch)
        ),
        "binary KL of each class",
        "binary KL({a} || {b})",
        class_sum=False,
    ),
    "entropy": kind(soft.entropy, "entropy", "H({a})", "H(<a>)"),
    "generalised js": kind(
        soft.generalised_js,
        "generalised Jensen-Shannon divergence",
        "JS({a}, {b}; {w})",
        r"\mathrm{JS}_{<w>}(<a>, <b>)",
    ),
    "crossed js": kind(
        soft.crossed_js,
        "Jensen-Shannon divergence with crossed weights",
        "JS with crossed weights({a}, {b}; {w})",
    ),
    "kl to mixture": kind(
        lambda term, batch: soft.mixture(term, batch)[0],
        "skew KL divergence",
        "KL({a} || {w} * {a} + (1 - {w}) * {b})",
    ),
    "kl from mixture": kind(
        lambda term, batch: soft.mixture(term, batch)[1],
        "skew reverse KL divergence",
        "KL({b} || {w} * {a} + (1 - {w}) * {b})",
    ),
    "skew cross entropy": kind(
        soft.skew_cross_entropy,
        "skew cross entropy",
        "CE({a}, {w} * {a} + (1 - {w}) * {b})",
    ),
    "cosine": kind(soft.cosine, "cosine distance", "cosine distance({a}, {b})", class_sum=False),
    "correlation": kind(
        soft.correlation,
        "correlation distance of rows",
        "correlation distance({a}, {b})",
        class_sum=False,
    ),
    "column correlation": kind(
        soft.column_correlation,
        "correlation distance of classes across the batch",
        "correlation distance across the batch({a}, {b})",
        class_sum=False,
    ),
    "sorted absolute": kind(
        soft.pair(soft.sorted_distance),
        "universal logit distillation",
        "absolute error(sorted {a}, sorted {b})",
        class_sum=False,
    ),
    "sum": kind(
        lambda term, batch: soft.over_classes(batch.logits[given(term.first).side]),
        "sum of logits",
        "sum({a})",
        r"\textstyle\sum <a>",
    ),
    "squares": kind(
        lambda term, batch: soft.over_classes(batch.p(given(term.first)) ** 2),
        "sum of squares",
        "sum of squares({a})",
        r"\lVert <a> \rVert^2",
    ),
}
"""By name; none of them sees labels."""
