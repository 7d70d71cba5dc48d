"""Proofs that payments are settled exactly once: simulation, chaos, and a check of the ledger."""
