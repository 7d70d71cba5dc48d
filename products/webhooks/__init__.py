"""Webhooks: clients are told how their operations go (Standard Webhooks 1.0.0)."""
