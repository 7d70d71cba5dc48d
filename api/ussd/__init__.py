"""USSD: the same payments from any phone."""
