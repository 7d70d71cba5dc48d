"""Events that are always published."""
