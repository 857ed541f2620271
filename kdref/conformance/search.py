"""Finds the terms of a loss: labels, both sides and one side separately, then their weights together.

Differences separate the parts.  The value with these labels minus the value with others leaves the terms that see
labels; the value with this teacher minus the value with another leaves the terms that see both sides.  Each part is
nearly always a single term, so that a large dictionary can be searched for it without coincidences.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from kdref._checks import FloatArray
from kdref.conformance import dictionary
from kdref.conformance.box import Box
from kdref.conformance.convention import WeightedTerm
from kdref.conformance.laws import Setting, read_weight
from kdref.conformance.probes import N_OTHER, SETTINGS, Contrast, Probes, probe
from kdref.conformance.scans import nearest, scan
from kdref.conformance.sparse import Support, residual, sparse_supports
from kdref.conformance.terms import KINDS, Term, columns

Terms = tuple[Term, ...]
Formula = tuple[WeightedTerm, ...]

DOUBLE, SINGLE = 1e-9, 1e-6
"""Largest residual, relative to the largest value, of a loss in float64 and in float32."""


@dataclass
class Search:
    """One search for a formula at given alphas.

    Attributes
    ----------
    box : Box
        The loss.
    rng : numpy.random.Generator
        Draws the inputs.
    alphas : tuple of float
        Where the loss is evaluated; one for an endpoint or a loss without alpha.
    tolerance : float
        `DOUBLE` or `SINGLE`.
    settings : sequence of (N, C, T)
        The first is searched, the others confirm.
    positive : bool
        Only positive logits.
    contrast : Contrast
        The base inputs and their changed copies.
    others : dict
        Values at the other settings.
    tried : int
        Candidates for the part that sees both sides; if there were none, other label terms do not help.
    """

    box: Box
    rng: np.random.Generator
    alphas: tuple[float, ...]
    tolerance: float
    settings: tuple[Setting, ...] = SETTINGS
    positive: bool = False
    contrast: Contrast = field(init=False)
    others: dict[Setting, Probes] = field(default_factory=dict)
    tried: int = 0

    def __post_init__(self) -> None:
        """Call the loss on the base inputs."""
        self.contrast = Contrast(
            self.box, self.rng, self.settings[0], self.alphas, positive=self.positive
        )

    @property
    def bound(self) -> float:
        """The absolute residual that counts as zero at the base."""
        return self.tolerance * max(self.contrast.base.scale, 1e-300)

    def formula(self, *, common_only: bool = False) -> Formula | None:
        """The cheapest formula that explains every setting, or None; of common terms only where noise is high."""
        if not self.contrast.base.finite:
            return None
        if self.contrast.base.scale == 0.0:
            return ()
        for labels in self.label_stages():
            found = self.cheapest(labels, common_only=common_only)
            if found is not None or not self.tried:
                return found
        return None

    def cheapest(self, labels: Sequence[Term], *, common_only: bool) -> Formula | None:
        """The cheapest formula with these label terms; a complicated one is held against later single terms."""
        varied = self.varied(labels)
        best: Formula | None = None
        for single, candidates in self.pair_stages(labels, varied, common_only=common_only):
            if best is not None and not single:
                return best
            for both in candidates:
                self.tried += 1
                found = self.completed(labels, both, varied)
                if found is not None and (best is None or cost(found) < cost(best)):
                    best = found
                if best is not None and cost(best) <= PLAIN_COST:
                    return best
        return best

    # Labels ------------------------------------------------------------------------------------------------

    def label_stages(self) -> Iterator[list[Term]]:
        """Terms that may make up the part that depends on labels, likeliest first."""
        target = self.contrast.difference("labels")
        if not np.isfinite(target).all():
            return
        if abs(target).max() < self.bound:
            yield []
            return
        for terms, largest in ((dictionary.label_terms(), 3), (dictionary.label_floors(), 1)):
            found = sparse_supports(
                self.changes(terms, "labels"), target, self.bound, largest=largest
            )
            used = [
                same
                for support in found
                for i in support
                for same in dictionary.equivalent_labels(terms[i])
            ]
            if used:
                yield dictionary.unique(used)

    def varied(self, labels: Sequence[Term]) -> str:
        """The side to vary so that the label terms cancel: the other one than theirs."""
        plain = [term for term in labels if len(term.sides) == 1]
        return (
            "student" if plain and all(term.sides == {"teacher"} for term in plain) else "teacher"
        )

    def changes(self, terms: Sequence[Term], what: str, alpha: float | None = None) -> FloatArray:
        """How each term changes when labels or a side are changed."""
        both = self.contrast.both_batches(what, self.alphas[0] if alpha is None else alpha)
        with np.errstate(all="ignore"):
            values = columns(list(terms), both)
        half = len(values) // 2
        difference: FloatArray = values[:half] - values[half:]
        return difference

    # Both sides --------------------------------------------------------------------------------------------

    def pair_stages(
        self, labels: Sequence[Term], varied: str, *, common_only: bool
    ) -> Iterator[tuple[bool, Iterator[Terms]]]:
        """Supports for the part that depends on both sides, in stages; first those of a single plain term."""
        target = self.contrast.difference(varied)
        if not np.isfinite(target).all():
            return
        pinned = [term for term in labels if varied in term.sides][:8]
        explained = (
            residual(self.changes(pinned, varied), target)[1] if pinned else abs(target).max()
        )
        if explained < self.bound:
            yield True, iter([()])
            return
        common = dictionary.common_pairs()
        yield True, self.pairs(common, pinned, target, varied, 1)
        if common_only:
            return
        rare = dictionary.rare_pairs()
        yield True, self.pairs(rare, pinned, target, varied, 1)
        yield True, self.pairs(dictionary.fixed_pairs(), pinned, target, varied, 1)
        yield True, self.pairs(dictionary.floored_pairs(), pinned, target, varied, 1)
        yield False, self.scanned(pinned, target, varied)
        yield False, self.floored_later(rare, pinned, target, varied)
        if len(self.alphas) > 1:
            yield False, self.alpha_mixtures(varied)
        yield False, self.pairs(common, pinned, target, varied, 2)
        yield False, self.pairs(common + rare, pinned, target, varied, 2, seeds=len(common))

    def floored_later(
        self, rare: list[Term], pinned: list[Term], target: FloatArray, varied: str
    ) -> Iterator[Terms]:
        """Epsilons in the uncommon terms, and those at fixed temperatures, that come near without fitting."""
        uncommon = [
            t for t in (*rare, *dictionary.fixed_pairs()) if t.kind in dictionary.LOGARITHMIC
        ]
        near = nearest(self, uncommon, pinned, target, varied)
        near += scan(self, pinned, target, varied, near=True)
        terms = [floored for term in near for floored in dictionary.with_floors(term)]
        yield from self.pairs(dictionary.unique(terms), pinned, target, varied, 1)

    def scanned(self, pinned: list[Term], target: FloatArray, varied: str) -> Iterator[Terms]:
        """Terms at a temperature or mixing weight that no dictionary holds."""
        for term in scan(self, pinned, target, varied):
            yield (term,)

    def pairs(
        self,
        terms: list[Term],
        pinned: list[Term],
        target: FloatArray,
        varied: str,
        largest: int,
        *,
        seeds: int | None = None,
    ) -> Iterator[Terms]:
        """Supports of one stage; label terms that vary with this side are pinned, pairs begin with a seed."""
        known = terms + pinned
        changes = self.changes(known, varied) if known else np.zeros((len(target), 0))
        last: Support = tuple(range(len(terms), len(known)))
        for support in sparse_supports(
            changes, target, self.bound, largest=largest, pinned=last, seeds=seeds
        ):
            yield tuple(known[i] for i in support if i < len(terms))

    def alpha_mixtures(self, varied: str) -> Iterator[Terms]:
        """Mixtures weighted by alpha, tried at a single alpha; the weights' laws see the others."""
        terms, alpha = dictionary.alpha_mixtures(), self.alphas[1]
        changes = self.changes(terms, varied, alpha)
        target = self.contrast.difference(varied)[:, 1:2]
        for support in sparse_supports(changes, target, self.bound, largest=1):
            yield tuple(terms[i] for i in support)

    # The rest and the weights ------------------------------------------------------------------------------

    def completed(self, labels: Sequence[Term], both: Terms, varied: str) -> Formula | None:
        """Add terms of one side and labels until the values themselves are explained, then read the weights."""
        kept = "teacher" if varied == "student" else "student"
        free = [term for term in labels if term not in both]
        rest = [*free, *dictionary.one_sided_terms(kept)]
        if any(term.floored for term in free):
            rest += [
                dictionary.one("uniform", kept)._replace(second_floor=t.second_floor)
                for t in free[:400]
            ]
        if not both and not labels:
            rest += dictionary.one_sided_terms(varied)
        terms = [*both, *dictionary.unique(rest)]
        mixed = any(isinstance(term.option, str) for term in both)
        alpha = self.alphas[1] if mixed else self.alphas[0]
        values = self.contrast.base.values[:, 1:2] if mixed else self.contrast.base.values
        with np.errstate(all="ignore"):
            table = columns(terms, self.contrast.base.batch(alpha))
        pinned = tuple(range(len(both)))
        best: Formula | None = None
        for support in sparse_supports(
            table, values, self.bound, largest=3, pinned=pinned, limit=6
        ):
            found = self.weighted(tuple(terms[i] for i in support))
            if found is not None and (best is None or cost(found) < cost(best)):
                best = found
                if cost(best) <= PLAIN_COST:
                    break
        return best

    def probes(self, setting: Setting) -> Probes:
        """The values at a setting; drawn once."""
        if setting == self.settings[0]:
            return self.contrast.base
        if setting not in self.others:
            self.others[setting] = probe(
                self.box, self.rng, setting, self.alphas, N_OTHER, positive=self.positive
            )
        return self.others[setting]

    def weighted(self, terms: Terms) -> Formula | None:
        """Refit at every setting, where the residual must vanish, and read each weight's law."""
        if not terms:
            return ()
        coefficients = []
        for setting in self.settings:
            found = self.coefficients(terms, self.probes(setting))
            if found is None:
                return None
            coefficients.append(found)
        stacked = np.array(coefficients)  # (settings, terms, alphas)
        loose = 1e-7 if self.tolerance <= DOUBLE else max(3e-5, 2.0 * self.tolerance)
        formula = []
        for i, term in enumerate(terms):
            offset = term.kind == "constant"
            law = read_weight(stacked[:, i], self.settings, self.alphas, loose, logarithms=offset)
            if law is None:
                return None
            if law.parts:
                formula.append((law, term))
        return tuple(sorted(formula, key=lambda part: reading_order(part[1])))

    def coefficients(self, terms: Terms, probes: Probes) -> FloatArray | None:
        """Coefficients of the terms at one setting, shape (terms, alphas), if they leave no residual."""
        if not probes.finite:
            return None
        bound = 10.0 * self.tolerance * max(probes.scale, 1e-300)
        mixed = any(isinstance(term.option, str) for term in terms)
        with np.errstate(all="ignore"):
            if not mixed:
                x, worst = residual(
                    columns(list(terms), probes.batch(self.alphas[0])), probes.values
                )
                return x if worst < bound else None
            fits = [
                residual(columns(list(terms), probes.batch(alpha)), probes.values[:, j : j + 1])
                for j, alpha in enumerate(self.alphas)
            ]
        if max(worst for _, worst in fits) >= bound:
            return None
        return np.concatenate([x for x, _ in fits], axis=1)


PLAIN_COST = 9.5
"""Two terms with three parts of weights between them: nothing simpler is to be expected."""

UNUSUAL = frozenset(
    {
        "constant",
        "dot",
        "error probability",
        "entropy",
        "sum",
        "squares",
        "raw label",
        "squared to label",
    }
)
"""Kinds that turn up in coincidences; they cost a little more."""


def cost(formula: Formula) -> float:
    """How complicated a formula is: its terms, its weights' parts, its unusual kinds."""
    return sum(
        3.0 + len(weight.parts) + (term.kind in UNUSUAL) + 0.5 * term.floored
        for weight, term in formula
    )


def reading_order(term: Term) -> int:
    """Hard terms first, then what belongs to one side, the soft ones, the constant."""
    if term.kind == "constant":
        return 3
    return 2 if len(term.sides) == 2 else 0 if KINDS[term.kind].labels else 1
