"""What public libraries and repositories return as their distillation loss, as data."""

from collections.abc import Mapping
from types import MappingProxyType

from kdref.conformance.libraries.language import LANGUAGE
from kdref.conformance.libraries.language_papers import LANGUAGE_PAPERS
from kdref.conformance.libraries.packages import PACKAGES
from kdref.conformance.libraries.published import PublishedLoss as PublishedLoss
from kdref.conformance.libraries.published import by_name
from kdref.conformance.libraries.repositories import REPOSITORIES
from kdref.conformance.libraries.tutorials import TUTORIALS, UNIMPORTABLE

CONVENTIONS: Mapping[str, PublishedLoss] = MappingProxyType(
    by_name(PACKAGES, LANGUAGE, UNIMPORTABLE, REPOSITORIES, LANGUAGE_PAPERS, TUTORIALS)
)
"""Every published loss by name."""
