"""The model run forward exactly: structure, parameters and seed in, events out."""

from antiphon.simulation.simulate import Simulated, simulate

__all__ = ["Simulated", "simulate"]
