"""`quittance sandbox`: the partners' sandbox alone, as a tool for any project."""

import sys

import click

from mock_api.__main__ import main


@click.command()
def sandbox() -> None:
    """Run the partners' sandbox alone, until Ctrl-C.

    Its page at `/` lists the dialects that it speaks, with a command for each, and shows the ledger.
    """
    sys.exit(main())
