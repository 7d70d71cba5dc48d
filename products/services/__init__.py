"""Services, paid from a wallet."""
