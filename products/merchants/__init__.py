"""Merchants, where people withdraw cash."""
