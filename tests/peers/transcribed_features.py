"""Papers' formulas for losses on features and relations in PyTorch; autograd differentiates them.

Sums are written as the papers write them, pairs and triplets one by one where they are: nothing is rearranged to keep
digits, and nothing is shared with kdref.
"""

import math
from typing import Any

from tests.peers.agreement import Peer
from tests.peers.loading import package


def hint(f: Any, g: Any) -> Any:
    """Romero et al. 2015, equation 3."""
    return sum(0.5 * (a - b).norm() ** 2 for a, b in zip(f, g, strict=True)) / len(f)


def cosine_feature(f: Any, g: Any) -> Any:
    """One minus the cosine, by its definition."""
    return (1.0 - (f * g).sum(1) / (f.norm(dim=1) * g.norm(dim=1))).mean()


def attention_transfer(f: Any, g: Any, *, power: float) -> Any:
    """Zagoruyko & Komodakis 2017: F_sum^p, normalised; the mean of squares is the authors' code."""
    maps = [(x.abs() ** power).sum(1).flatten(1) for x in (f, g)]
    q_f, q_g = (q / q.norm(dim=1, keepdim=True) for q in maps)
    return ((q_f - q_g) ** 2).mean()


def neuron_selectivity(f: Any, g: Any) -> Any:
    """Huang & Wang 2017, equation 5: the three kernel sums with k(x, y) = (x.y)^2."""

    def kernels(x: Any, y: Any) -> Any:
        return sum((a @ b) ** 2 for a in x for b in y) / (len(x) * len(y))

    total = 0.0
    for student, teacher in zip(f.flatten(2), g.flatten(2), strict=True):
        x, y = (maps / maps.norm(dim=1, keepdim=True) for maps in (student, teacher))
        total = total + kernels(x, x) + kernels(y, y) - 2.0 * kernels(x, y)
    return total / len(f)


def flow(f: Any, g: Any, *, student_later: Any, teacher_later: Any) -> Any:
    """Yim et al. 2017, equation 1 by its sum over the places; a mean of squares over entries and examples."""
    torch = package("torch")

    def matrix(first: Any, second: Any) -> Any:
        places = first.shape[2] * first.shape[3]
        return torch.einsum("nahw,nbhw->nab", first, second) / places

    return ((matrix(f, student_later) - matrix(g, teacher_later)) ** 2).mean()


def variational_information(mean: Any, g: Any, *, variance: float) -> Any:
    """Ahn et al. 2019, equation 4, by the Gaussian's log-density; the constant is taken off."""
    torch = package("torch")
    density = torch.distributions.Normal(mean, torch.full_like(mean, variance).sqrt())
    return -(density.log_prob(g) + 0.5 * math.log(2.0 * math.pi)).mean()


def similarity_preserving(f: Any, g: Any) -> Any:
    """Tung & Mori 2019, equations 2 to 4."""
    grams = [x @ x.T for x in (f, g)]
    g_f, g_g = (a / a.norm(dim=1, keepdim=True) for a in grams)
    return (g_f - g_g).norm(p="fro") ** 2 / len(f) ** 2


def correlation_congruence(f: Any, g: Any, *, gamma: float, order: int) -> Any:
    """Peng et al. 2019, equation 10, entry by entry on unit vectors."""

    def kernel(x: Any, y: Any) -> Any:
        cosine = (x @ y) / (x.norm() * y.norm())
        terms = [(2.0 * gamma) ** n / math.factorial(n) * cosine**n for n in range(order + 1)]
        return math.exp(-2.0 * gamma) * sum(terms)

    places = [(i, j) for i in range(len(f)) for j in range(len(f))]
    return sum((kernel(f[i], f[j]) - kernel(g[i], g[j])) ** 2 for i, j in places) / len(f) ** 2


def huber(x: Any, y: Any) -> Any:
    """Park et al. 2019, equation 7."""
    return 0.5 * (x - y) ** 2 if abs(float(x - y)) <= 1.0 else abs(x - y) - 0.5


def relational_distance(f: Any, g: Any) -> Any:
    """Park et al. 2019, equations 5, 6 and 8; pairs of an example with itself add nothing to the mean over N^2."""
    pairs = [(i, j) for i in range(len(f)) for j in range(len(f)) if i != j]

    def potentials(x: Any) -> list[Any]:
        distances = [(x[i] - x[j]).norm() for i, j in pairs]
        mu = sum(distances) / len(pairs)
        return [d / mu for d in distances]

    both = zip(potentials(f), potentials(g), strict=True)
    return sum(huber(x, y) for x, y in both) / len(f) ** 2


def relational_angle(f: Any, g: Any) -> Any:
    """Park et al. 2019, equations 10 and 11; at i = j or k = j there is no angle."""
    numbers = range(len(f))
    triplets = [(i, j, k) for i in numbers for j in numbers for k in numbers if j not in (i, k)]

    def potentials(x: Any) -> list[Any]:
        def e(i: int, j: int) -> Any:
            return (x[i] - x[j]) / (x[i] - x[j]).norm()

        return [e(i, j) @ e(k, j) for i, j, k in triplets]

    both = zip(potentials(f), potentials(g), strict=True)
    return sum(huber(x, y) for x, y in both) / len(f) ** 3


def probabilistic_transfer(f: Any, g: Any) -> Any:
    """Passalis & Tefas 2018, equations 3 to 6, per row."""

    def conditional(x: Any) -> Any:
        cosine = (x @ x.T) / (x.norm(dim=1, keepdim=True) * x.norm(dim=1))
        kernel = 0.5 * (cosine + 1.0)
        return kernel / kernel.sum(1, keepdim=True)

    p, q = conditional(g), conditional(f)
    return (p * (p / q).log()).sum() / len(f)


FEATURES = tuple(
    Peer(name, "transcription", "torch", function, parameters)
    for name, function, parameters in (
        ("hint", hint, {}),
        ("cosine_feature", cosine_feature, {}),
        ("attention_transfer", attention_transfer, {}),
        ("attention_transfer", attention_transfer, {"power": 3.0}),
        ("neuron_selectivity", neuron_selectivity, {}),
        ("flow", flow, {}),
        ("variational_information", variational_information, {}),
        ("similarity_preserving", similarity_preserving, {}),
        ("correlation_congruence", correlation_congruence, {}),
        ("correlation_congruence", correlation_congruence, {"gamma": 1.5, "order": 5}),
        ("relational_distance", relational_distance, {}),
        ("relational_angle", relational_angle, {}),
        ("probabilistic_transfer", probabilistic_transfer, {}),
    )
)
