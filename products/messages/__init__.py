"""Text messages to people."""
