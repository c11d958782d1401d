"""What is read off a fit: couplings, responses, attribution, parentage, loops, the parallel-process table."""

from antiphon.resonance.findings import Findings
from antiphon.resonance.parents import parentage
from antiphon.resonance.reading import read_off

__all__ = ["Findings", "parentage", "read_off"]
