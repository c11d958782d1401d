"""What may be concluded from a fit: intervals, tests, what foretells later blocks, and whether the model fits."""

from antiphon.inference.bayes import sample_posterior
from antiphon.inference.inference import Coupling, DomainTest, Effect, Inference, Interval
from antiphon.inference.procedure import infer

__all__ = ["Coupling", "DomainTest", "Effect", "Inference", "Interval", "infer", "sample_posterior"]
