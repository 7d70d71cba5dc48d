"""Commands that are imported only when they run, so that help and completion are fast."""

from collections.abc import Mapping, Sequence
from importlib import import_module

import click


class Entry(click.Command):
    """Stands in for a command in the list of its group."""

    def __init__(self, name: str, target: str, help: str) -> None:
        """
        target: where the command is, as `module:attribute`.
        help: the first sentence of the command's own help; a test compares the two.
        """
        super().__init__(name, short_help=help)
        self._target = target

    def load(self) -> click.Command:
        """Imports the command."""
        module, _, attribute = self._target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class LazyGroup(click.Group):
    """A group that lists entries, in sections, and imports the one that is called."""

    def __init__(
        self, name: str, help: str, sections: Mapping[str, Sequence[click.Command]], default: str | None = None
    ) -> None:
        """
        sections: entries and groups, by the heading that they have in the help.
        default: the command that runs when none is named.
        """
        commands = [command for section in sections.values() for command in section]
        shown = {"show_default": True}  # for the commands of the group, too
        super().__init__(name, commands=commands, help=help, no_args_is_help=default is None, context_settings=shown)
        self._sections = sections
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names_none = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        if self._default and names_none and not ctx.resilient_parsing:
            args = [self._default, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Entry) else command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(len(name) for name in self.commands)
        for heading, commands in self._sections.items():
            rows = [((command.name or "").ljust(widest), command.get_short_help_str(limit=200)) for command in commands]
            with formatter.section(heading):
                formatter.write_dl(rows)
