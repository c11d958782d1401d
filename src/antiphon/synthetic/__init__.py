"""Invented agencies with known truth, to try the software on and to prove it right."""

from antiphon.synthetic.maple_house import write_maple_house
from antiphon.synthetic.network import write_network
from antiphon.synthetic.truth import truth_path, truth_table

__all__ = ["truth_path", "truth_table", "write_maple_house", "write_network"]
