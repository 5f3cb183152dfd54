"""The page docs/reference/checks.md, made of the table of checks.

In: `federation.model.checks`. Out: the page as text; `python -m tests.docs.checks` writes it, a
unit test checks it.
"""

from pathlib import Path

from federation.model.checks import CHECKS, WELL, Check, Group

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "checks.md"

_HEAD = """\
# Checks

<!-- written by `make docs`, do not edit -->

For operators: what `fedctl status` looks at. It shows a line `ok` for each group of checks that
found nothing, then every problem with where it is, since when, and what to do. `-o json` shows the
same with the fields `id`, `severity`, `group`, `where` (a cluster, `controller` or `clusterset`),
`subject`, `what`, `since` (seconds since 1970) and `remedy`; ids do not change. Of one check and
cluster, 20 problems are shown one by one and the rest is counted.

| severity | means | exit code of `fedctl status` |
| --- | --- | --- |
| error | requests fail, or what was asked for is not in force | 3 |
| warning | all works, but not for long, or with less in reserve than is meant | 0 |
| info | good to know; nothing is wrong | 0 |

`fedctl status --wait --timeout 5m` waits until there is no error. Where the controller cannot be
asked the exit code is 1.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(group) for group in Group)])


def _section(group: Group) -> str:
    head = ["| id | severity | means | what to do |", "| --- | --- | --- | --- |"]
    rows = [_row(check) for check in CHECKS.values() if check.group is group]
    return "\n".join([f"## {group}", "", f"`ok`: {WELL[group]}.", "", *head, *rows, ""])


def _row(check: Check) -> str:
    remedy = check.remedy.replace("{cluster}", "CLUSTER")
    return f"| `{check.id}` | {check.severity} | {check.meaning} | {remedy} |"


if __name__ == "__main__":
    PAGE.write_text(page())
