"""`python -m ops`: the operator's commands."""

import click

from ops.audit.command import audit
from ops.chaos.command import chaos
from ops.demo import demo
from ops.events import events
from ops.keys import keys
from ops.merchants import merchants
from ops.people import people
from ops.requeue import requeue
from ops.review import review
from ops.run import run
from ops.simulation.command import simulate
from ops.ussd import ussd

commands = click.Group(
    "ops",
    commands=[demo, run, simulate, chaos, audit, review, requeue, events, people, keys, merchants, ussd],
    help="Commands for those who run Quittance.",
)

if __name__ == "__main__":
    commands(prog_name="python -m ops")
