"""`python -m ops audit`: holds what we say happened against what the partners say happened."""
