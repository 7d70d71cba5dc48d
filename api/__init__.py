"""HTTP in, 202 out: parses, asks the core to accept, answers. Calls no partner and never waits for the broker."""
