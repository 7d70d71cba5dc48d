"""`quittance completion`: completion of commands and options by a shell."""

import click
from click.shell_completion import get_completion_class

from ops.commands import cli


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash, in ~/.bashrc:  eval "$(quittance completion bash)"
    zsh, in ~/.zshrc:    eval "$(quittance completion zsh)"
    fish:                quittance completion fish > ~/.config/fish/completions/quittance.fish
    """
    complete = get_completion_class(shell)
    assert complete is not None  # click.Choice allows no other shell
    click.echo(complete(cli, {}, "quittance", "_QUITTANCE_COMPLETE").source())
