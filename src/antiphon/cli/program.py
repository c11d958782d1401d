"""The `antiphon` program: its commands, both spellings of their names, and what becomes of errors."""

import json
import os
from importlib import import_module
from typing import Any

import click

from antiphon.errors import AntiphonError, SpecificationError

# Target kinds are fitted side by side in threads of their own; those of the linear algebra library would fight them.
# Read by the library when it is loaded, which no command has done yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

COMMANDS = {
    "demo": "demo",
    "init": "init",
    "import": "import_",
    "check": "check",
    "pseudonymise": "pseudonymise",
    "analyse": "analyse",
}
OTHER_SPELLINGS = {"analyze": "analyse", "pseudonymize": "pseudonymise"}

EXIT_CODES = """Exit codes: 0 done; 1 the records have errors; 2 wrong use; 3 could not be estimated."""


class Program(click.Group):
    """Loads a command's module when it is needed, and turns errors that a user can mend into words."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is Click's
        """Commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Find a command by either spelling."""
        module = COMMANDS.get(OTHER_SPELLINGS.get(cmd_name, cmd_name))
        return import_module(f"antiphon.cli.{module}").command if module else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for one that does not exist."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from antiphon.framework.vocabulary import nearest

            guess = nearest(name, COMMANDS)
            hint = f' Did you mean "{guess}"?' if guess else ""
            ctx.fail(f'There is no command "{name}".{hint} The commands are: {", ".join(COMMANDS)}.')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print what went wrong in words, and leave with its exit code."""
        try:
            return super().invoke(ctx)
        except AntiphonError as error:
            _print_error(error, ctx)
            ctx.exit(error.exit_code)
        except OSError as error:
            # A path may hold a name, so only the system's own words are shown.
            words = f"The computer refused to read or write a file: {error.strerror or 'unknown reason'}."
            _print_error(SpecificationError(words), ctx)
            ctx.exit(SpecificationError.exit_code)


def _print_error(error: AntiphonError, ctx: click.Context) -> None:
    """Print all that is wrong: on standard error for people, as JSON on standard output for machines."""
    from antiphon.cli.problems import problem_lines, problem_values

    problems = [problem for problem in getattr(error, "problems", ()) if hasattr(problem, "grade")]
    if ctx.meta.get("antiphon.json"):
        document = {"error": error.message, "exit_code": error.exit_code, "problems": problem_values(problems)}
        click.echo(json.dumps(document, ensure_ascii=False))
    click.echo("\n".join(problem_lines(problems)) if problems else error.message, err=True)


@click.group(
    cls=Program,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="antiphon", message="antiphon %(version)s")
def main() -> None:
    """Make parallel processes in human service organisations visible.

    What echoes between clients, staff, units and the organisation, how much, how soon, and how sure that is.

    Everything stays on this computer. Start with `antiphon demo`, or with `antiphon init` for your own records.
    """
