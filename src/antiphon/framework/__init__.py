"""The shared language: levels, roles, event kinds, relations, domains and practices, with their sources."""

from antiphon.framework.loader import load_vocabulary
from antiphon.framework.vocabulary import (
    DomainDefinition,
    KindDefinition,
    PracticeDefinition,
    RelationDefinition,
    Sign,
    Slot,
    Vocabulary,
    nearest,
)

__all__ = [
    "DomainDefinition",
    "KindDefinition",
    "PracticeDefinition",
    "RelationDefinition",
    "Sign",
    "Slot",
    "Vocabulary",
    "load_vocabulary",
    "nearest",
]
