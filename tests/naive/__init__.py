"""Slow twins: the rules of the method spelled out literally, one thing at a time."""
