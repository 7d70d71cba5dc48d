"""`quittance doctor`: looks at a set-up, and says what is to be done."""
