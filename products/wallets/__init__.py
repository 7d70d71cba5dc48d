"""Wallets: top-ups and transfers."""
