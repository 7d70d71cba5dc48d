"""The command `quittance`: what operators and developers run."""
