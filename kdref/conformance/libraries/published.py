"""`PublishedLoss`: what one library or repository returns, where that stands, and how it is known."""

from dataclasses import dataclass

from kdref.conformance.convention import Convention
from kdref.conformance.conversion import conversion


@dataclass(frozen=True)
class PublishedLoss:
    """What a published distillation loss returns.

    Attributes
    ----------
    name : str
        Its key in `CONVENTIONS`, and what ``kdref check --against`` takes.
    package : str
        The package, or the repository as ``owner/name``.
    version : str
        The package's version, or the commit in full.
    date : str
        When that version or commit was made, as year and month; empty where it is not known.
    where : str
        The file, and the function or class in it.
    convention : Convention
        What it computes.
    proof : {"run", "source"}
        Whether a test runs the published package, or compares with a transcription of the source at that commit.
    temperature, alpha : str
        What the convention's temperature and alpha are in the package's own parameters; empty where there is none.
    note : str
        What a reader has to know beyond the formula.
    threads : tuple of str
        Public threads about it.
    equivalent : str
        Python with kdref's losses, where `kdref.distillation_loss` alone does not give the value.
    """

    name: str
    package: str
    version: str
    date: str
    where: str
    convention: Convention
    proof: str
    temperature: str = ""
    alpha: str = ""
    note: str = ""
    threads: tuple[str, ...] = ()
    equivalent: str = ""

    @property
    def address(self) -> str:
        """The file at its commit; empty for a package that is known by its version."""
        if "/" not in self.package:
            return ""
        return f"https://github.com/{self.package}/blob/{self.version}/{self.where.split(': ')[0]}"

    @property
    def in_kdref(self) -> str:
        """The value as Python with kdref's losses, in s, t, y, T, alpha, C and N; empty where it has no such loss."""
        relation = conversion(self.convention)
        return self.equivalent or (str(relation) if relation else "")


def by_name(*groups: tuple[PublishedLoss, ...]) -> dict[str, PublishedLoss]:
    """The losses of several groups under their names, in order."""
    return {loss.name: loss for group in groups for loss in group}
