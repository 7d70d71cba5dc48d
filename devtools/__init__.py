"""Servers that tests, benchmarks and proofs start: a stack, private stores and brokers, an API in this process."""
