"""`quittance audit`: compares our operations with the partners' records."""
