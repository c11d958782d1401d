"""What is read off a fit: couplings, responses, attribution, loops, the parallel-process table."""

from antiphon.resonance.findings import Findings
from antiphon.resonance.reading import read_off

__all__ = ["Findings", "read_off"]
