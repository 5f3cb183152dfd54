"""fedctl: finds the command, runs it, and turns every error into one sentence and an exit code.

0 done, 1 failed, 2 usage or wrong input, 4 denied, 8 not there yet, 141 nobody reads the result.
A command is a module of `federation.cli.commands`, imported only when it is asked for.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from federation.model.errors import FedmeshError
from federation.runtime.escapes import LINES, visible

_INTERRUPTED = 130
_NOT_READ = 141
"""As a shell says it of a program that SIGPIPE has ended."""
_COMPLETING = "_FEDCTL_COMPLETE"
"""Set where a shell asks what completes a line (`federation.cli.complete`)."""
_HELP = {"help_option_names": ["-h", "--help"]}


class LazyGroup(click.Group):
    """A group whose commands are modules: `fedctl A B` is `federation.cli.commands.A_B`.

    Those of a group within a group go by the inner one: `fedctl demo run tour` is `run_tour`.
    """

    def __init__(self, name: str, text: str, commands: Sequence[str], groups: Sequence[str] = ()):
        super().__init__(name, help=text, context_settings=_HELP)
        self._prefix = "" if name == "fedctl" else f"{name}_"
        self._names = (*commands, *groups)
        self._groups = frozenset(groups)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in order."""
        return sorted(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self._names and ctx.resilient_parsing:
            return None
        if cmd_name not in self._names:
            known = ", ".join(sorted(self._names))
            ctx.fail(f"there is no command {cmd_name[:40]!r}, only {known}")
        if cmd_name in self._groups:
            return LazyGroup(cmd_name, *_GROUPS[cmd_name])
        file = f"{self._prefix}{cmd_name}".replace("-", "_")
        module = importlib.import_module(f"federation.cli.commands.{file}")
        command: click.Command = module.command
        return self._completed(command) if _COMPLETING in os.environ else command

    def _completed(self, command: click.Command) -> click.Command:
        from federation.cli.complete import attach  # noqa: PLC0415 - when a shell asks only

        return attach(command, self._prefix)


_GROUPS: dict[str, tuple[Any, ...]] = {
    "cluster": ("The clusters of the federation.", ("add", "confirm", "list")),
    "context": ("The controllers that fedctl knows.", ("delete", "list", "show", "use")),
    "demo": (
        "A whole federation on this machine.",
        ("up", "status", "down", "logs", "start"),
        ("run",),
    ),
    "run": ("Scenarios on the demo, judged.", ("tour", "failover")),
    "service": ("The services of the federation.", ("list",)),
    "token": ("Tokens with which clusters join.", ("create", "list", "revoke")),
    "trust": ("Certificates and trust: show, revoke, replace keys.", ("rekey", "revoke", "status")),
    "user": (
        "Who may use the controller's API, and by what they are known.",
        ("add", "list", "revoke", "token"),
    ),
    "workload": ("Workloads on hosts.", ("token",)),
}


_OUTER = ("audit", "backup", "init", "invite", "join", "leave", "restore", "status", "version")
_VERBS = (
    "api-resources",
    "apply",
    "delete",
    "describe",
    "diff",
    "edit",
    "events",
    "explain",
    "get",
    "wait",
)
"""For objects of the Kubernetes-style API."""
_TOOLS = ("completion", "kubeconfig")
"""For a person's own tools."""


def make_cli() -> click.Group:
    """The root command."""
    text = "fedctl operates a fedmesh federation: services callable across clusters."
    inner = {name for _, _, *groups in _GROUPS.values() for name in (groups or [()])[0]}
    outer = tuple(name for name in _GROUPS if name not in inner)
    return LazyGroup("fedctl", text, (*_OUTER, *_VERBS, *_TOOLS), outer)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    stdout = sys.stdout
    try:
        code = make_cli().main(list(arguments), "fedctl", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except FedmeshError as error:
        sys.stderr.write(f"fedctl: {visible(str(error), LINES)}\n")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("fedctl: interrupted\n")
        return _INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        return _stop_writing()  # click makes an end of its own of a pipe that breaks
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"fedctl: {visible(f'{where}{error.strerror or error}')}\n")
        return 1
    return code if isinstance(code, int) else 0


def _stop_writing() -> int:
    """The reader has enough; without this Python complains when it flushes at its end."""
    with suppress(OSError):  # a stream without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _NOT_READ


def open_streams() -> None:
    """Have all three standard streams, as a caller may have closed some: they lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - kept


def main() -> None:
    """The entry point of `fedctl`."""
    open_streams()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
