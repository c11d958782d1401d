"""What may be concluded from a fit: intervals, tests, what foretells later blocks, and whether the model fits."""

from antiphon.inference.bayes import sample_posterior
from antiphon.inference.inference import Coupling, DomainTest, Effect, Inference, Interval
from antiphon.inference.kernel_choice import (
    HalfLifeProfile,
    KernelChoice,
    build_chosen,
    choose_kernels,
    profile_half_life,
)
from antiphon.inference.procedure import infer

__all__ = [
    "Coupling",
    "DomainTest",
    "Effect",
    "HalfLifeProfile",
    "Inference",
    "Interval",
    "KernelChoice",
    "build_chosen",
    "choose_kernels",
    "infer",
    "profile_half_life",
    "sample_posterior",
]
