"""The table of all commands. Nothing here imports what a command needs to run: `--help` stays fast."""

import click

from core.release import release
from ops.lazy import Entry, LazyGroup

review = LazyGroup(
    "review",
    "List the operations that wait for a person, or decide about one of them.",
    {
        "Commands": [
            Entry("list", "ops.review:list_waiting", "List what waits for a person or for a partner's answer."),
            Entry("confirm", "ops.review:confirm", "It did happen: go on with the next step."),
            Entry("decline", "ops.review:decline", "It did not happen and will not: undo what was done before it."),
            Entry("retry", "ops.review:retry", "It did not happen: submit it again, under the same reference."),
            Entry("refund", "ops.review:refund", "Give the money back, whatever was to follow."),
        ]
    },
    default="list",
)

events = LazyGroup(
    "events",
    "Read the published events.",
    {"Commands": [Entry("tail", "ops.events:tail", "Print the published events whose topic fits PATTERN.")]},
)

keys = LazyGroup(
    "keys",
    "Create, list, rotate and revoke the API keys of machine clients.",
    {
        "Commands": [
            Entry("create", "ops.keys:create", "Create a key."),
            Entry("list", "ops.keys:list_keys", "List all keys, including those that have ended."),
            Entry("rotate", "ops.keys:rotate", "Make a key that takes over from another one."),
            Entry("revoke", "ops.keys:revoke", "Refuse a key from now on."),
        ]
    },
)

logs = LazyGroup(
    "log",
    "Read the security log.",
    {"Commands": [Entry("security", "ops.security:security", "List the security log.")]},
)

data = LazyGroup(
    "data",
    "Encrypt the store, change its key, and index what earlier releases stored.",
    {
        "Commands": [
            Entry("seal", "ops.data:seal", "Encrypt a store that has documents already."),
            Entry("rotate", "ops.data:rotate", "Bring all documents under the first key of DATA_KEYS."),
            Entry("unseal", "ops.data:unseal", "Store everything as it was before it was sealed."),
            Entry("names", "ops.names:index_names", "Index the operations of earlier releases by their names."),
        ]
    },
)

webhooks = LazyGroup(
    "webhooks",
    "Receive webhooks for a trial, send examples, watch deliveries, and send messages again.",
    {
        "Commands": [
            Entry(
                "listen",
                "ops.webhooks:listen",
                "Receive webhooks on this machine: verify, print and forward them, until Ctrl-C.",
            ),
            Entry("tail", "ops.webhooks:tail", "Print deliveries as they are made and tried, until Ctrl-C."),
            Entry("trigger", "ops.webhooks:trigger", "Send an example of an event of TYPE, such as payment.succeeded."),
            Entry("resend", "ops.webhooks:resend", "Send the message of a delivery again, under the same webhook-id."),
        ]
    },
)

merchants = LazyGroup(
    "merchants",
    "Create merchants, where people withdraw cash.",
    {"Commands": [Entry("create", "ops.merchants:create", "Create a merchant.")]},
)

partner = LazyGroup(
    "partner",
    "Test a partner against what its adapter relies on.",
    {
        "Commands": [
            Entry(
                "check",
                "ops.partner.command:check_operator",
                "Test whether an operator keeps what its adapter relies on.",
            ),
        ]
    },
)

people = LazyGroup(
    "people",
    "Create admins and operators, suspend people, and unlock PINs.",
    {
        "Commands": [
            Entry("create-operator", "ops.people:create_operator", "Create a person with the role operator."),
            Entry("create-admin", "ops.people:create_admin", "Create a person with the role admin."),
            Entry("set-password", "ops.people:set_password", "Change somebody's password, and end their tokens."),
            Entry("second-factor", "ops.people:second_factor", "Give somebody a second factor, or remove it."),
            Entry("suspend", "ops.people:suspend", "Stop a person from signing in, paying and being paid."),
            Entry("unlock", "ops.people:unlock", "Unlock a PIN that three wrong attempts have locked."),
        ]
    },
)

cli = LazyGroup(
    "quittance",
    "Run Quittance, operate it, and prove that every payment is settled once.",
    {
        "Run": [
            Entry("demo", "ops.demo:demo", "Pay two fines through an operator that answers 504, then stop."),
            Entry("run", "ops.run:run", "Run the sandbox, the API and a worker until Ctrl-C."),
            Entry("sandbox", "ops.sandbox:sandbox", "Run the partners' sandbox alone, until Ctrl-C."),
            Entry("secrets", "ops.secret_files:make_secrets", "Make the secrets of an installation in a folder."),
            Entry("migrate", "ops.migrate:migrate", "Bring the store to the schema of this release."),
        ],
        "Operate": [
            Entry(
                "status",
                "ops.status:status",
                "Show the whole system: what has not ended, how old it is, workers and partners.",
            ),
            Entry("show", "ops.show:show", "Show an operation, found by whatever you have of it."),
            Entry("list", "ops.show:list_operations", "List operations, newest first."),
            Entry("doctor", "ops.doctor.command:doctor", "Look at this set-up, and say what is to be done."),
            Entry("audit", "ops.audit.command:audit", "Compare our operations with the partners' record."),
            review,
            Entry("requeue", "ops.requeue:requeue", "Ring again for the operations whose rings are dead letters."),
            events,
            keys,
            merchants,
            data,
            logs,
            webhooks,
            Entry("ussd", "ops.ussd:ussd", "Dial from a phone in this terminal."),
        ],
        "People": [people],
        "Prove": [
            partner,
            Entry("simulate", "proof.simulation.command:simulate", "Simulate payments under every fault."),
            Entry("crashes", "proof.simulation.crashes_command:crashes", "Crash a worker at every position."),
            Entry(
                "chaos",
                "proof.chaos.command:chaos",
                "Kill and cut off real processes under load, with an operator of every dialect.",
            ),
        ],
        "This command": [
            Entry("completion", "ops.completion:completion", "Print the completion script of a shell."),
        ],
    },
)


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"quittance {release()}")
        context.exit()


cli.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Show the version and exit.",
    )
)


def main() -> None:
    """Runs the command `quittance`."""
    cli(prog_name="quittance")
