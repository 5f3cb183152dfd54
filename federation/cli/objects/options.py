"""Options of the verbs for objects. Light to import."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import click

from federation.cli.options import headers_option

Command = TypeVar("Command", bound=Callable[..., Any])
DEFAULT_NAMESPACE = "default"


class Form(StrEnum):
    """The values of `--output` where objects are shown."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"

    @property
    def is_table(self) -> bool:
        """Whether the server makes a table of it."""
        return self in (Form.TABLE, Form.WIDE)


def form_option(command: Command) -> Command:
    """`--output` and `--no-headers`, for commands that show objects."""
    choice = click.Choice([str(form) for form in Form])
    show = click.option(
        "-o",
        "--output",
        "form",
        type=choice,
        default="table",
        callback=lambda _, __, value: Form(value),
        help="How to show it; wide: a table of all columns; name: KIND/NAME only.",
    )
    return show(headers_option(command))


def namespace_option(command: Command) -> Command:
    """`--namespace`."""
    return click.option(
        "-n", "--namespace", default="", help=f"The namespace; default: {DEFAULT_NAMESPACE}."
    )(command)


def scope_options(command: Command) -> Command:
    """`--namespace` and `--all-namespaces`, for commands that list."""
    every = click.option("-A", "--all-namespaces", "every", is_flag=True, help="All namespaces.")
    return namespace_option(every(command))


def selector_options(command: Command) -> Command:
    """`--selector` and `--field-selector`."""
    labels = click.option(
        "-l", "--selector", "labels", default="", help="Labels, for example app=shop,tier!=db."
    )
    fields = click.option(
        "--field-selector", "fields", default="", help="Fields, for example status.cluster=east."
    )
    return labels(fields(command))


def files_option(command: Command) -> Command:
    """`--filename`."""
    return click.option(
        "-f",
        "--filename",
        "files",
        multiple=True,
        help="A file, a folder (its *.yaml, *.yml, *.json) or - for stdin; may be repeated.",
    )(command)


def dry_run_option(command: Command) -> Command:
    """`--dry-run`."""
    return click.option(
        "--dry-run", "is_dry", is_flag=True, help="Have the controller check it, change nothing."
    )(command)
