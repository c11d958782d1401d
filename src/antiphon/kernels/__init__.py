"""Compiled loops: arrays and scalars in, arrays and scalars out. Nothing is checked or defaulted here."""
