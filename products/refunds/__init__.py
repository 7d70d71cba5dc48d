"""Refunds: the money of a payment that has succeeded goes back to who paid it, in whole or in part."""
