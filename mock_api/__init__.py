"""The partners' sandbox: a mobile-money operator and a fines registry, as moody as the real ones."""
