"""The partners' sandbox: simulates slow and unreliable partners over HTTP."""
