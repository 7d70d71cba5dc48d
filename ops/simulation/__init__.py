"""A seeded simulation: the real engine and processes under virtual time, with partners, broker and workers that fail.

A world has clients, partners, an API, doorbells, workers and sweepers. Everything that happens in it follows from its
seed, so that what went wrong once goes wrong again.
"""
