"""The desk of operators: what happens now, operations, and what products add to it."""
