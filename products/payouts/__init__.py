"""Payouts: money from the installation's account at an operator to a phone."""
