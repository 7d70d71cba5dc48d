"""A seeded simulation: the real engine and processes under virtual time, with failing partners, brokers and workers.

A world is one simulated installation: clients, partners, an API, doorbells, workers and sweepers live in it. A seed
decides everything that happens in a world, so a failure can be repeated.
"""
