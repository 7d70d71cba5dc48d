"""Payers: whether a phone's account can pay, and whose it is, before anybody is asked to confirm."""
