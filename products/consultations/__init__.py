"""Consultations that are always charged."""
