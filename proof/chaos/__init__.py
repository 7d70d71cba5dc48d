"""`quittance chaos`: real processes under load, while they are killed, stopped, cut off and locked out."""
