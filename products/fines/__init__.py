"""Fines, paid by mobile money."""
