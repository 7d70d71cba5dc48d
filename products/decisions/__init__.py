"""Decisions of people about operations that no machine can decide. Those about large amounts need a second person."""
