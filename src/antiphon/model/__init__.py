"""The model as named parameters; no algorithm lives here."""

from antiphon.model.parameters import Endemic, Model, TargetModel

__all__ = ["Endemic", "Model", "TargetModel"]
