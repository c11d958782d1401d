"""The model run forward exactly: structure, parameters and seed in, events out."""

from antiphon.simulation.circumstances import circumstances_of, receptivity_of
from antiphon.simulation.simulate import History, Simulated, simulate

__all__ = ["History", "Simulated", "circumstances_of", "receptivity_of", "simulate"]
