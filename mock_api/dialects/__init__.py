"""The dialects of mobile-money operators: thin faces of one desk and one ledger."""
