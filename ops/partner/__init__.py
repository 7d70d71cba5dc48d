"""`quittance partner`: whether a partner keeps what its adapter relies on."""
