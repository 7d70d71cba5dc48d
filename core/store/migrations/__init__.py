"""The schema of the core's tables, revision by revision: what a database of an earlier release has to go through."""

REVISIONS = ("0001", "0002", "0003", "0004")
"""In order. The first one is the schema of release 0.1.0, which did not write its revision down."""
BASELINE, HEAD = REVISIONS[0], REVISIONS[-1]
