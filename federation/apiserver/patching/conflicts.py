"""What stands against an apply: fields that others own, and that it would change.

In: the entries of others and the fields that change. Out: ApplyConflict, with each field and its
owner, in the words of Kubernetes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from federation.apiserver.patching.entries import UPDATE, Entry
from federation.apiserver.patching.fields import Fields, paths
from federation.model.errors import Conflict


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field, as kubectl prints it, and the manager who owns it."""

    field: str
    manager: str
    operation: str
    api_version: str
    subresource: str = ""
    time: str = ""

    @property
    def owner(self) -> str:
        """Such as `"kubectl-edit" using fedmesh.dev/v1alpha1`."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text

    @property
    def message(self) -> str:
        """The message of the cause in the answer, whose reason is FieldManagerConflict."""
        return f"conflict with {self.owner}"


class ApplyConflict(Conflict):
    """Others own fields that the apply would change; with `force` it takes them away."""

    def __init__(self, conflicts: Iterable[FieldConflict]) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__(_sentence(self.conflicts))


def conflicts_of(contested: Iterable[tuple[Entry, Fields]]) -> tuple[FieldConflict, ...]:
    """One for each field of each owner, by owner."""
    found = (
        FieldConflict(path, e.manager, e.operation, e.api_version, e.subresource, e.time)
        for e, fields in contested
        for path in paths(fields)
    )
    return tuple(sorted(found, key=lambda c: (c.owner, c.field)))


def _sentence(conflicts: tuple[FieldConflict, ...]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: {only.message}: {only.field}"
    lines: list[str] = []
    owner = None
    for conflict in conflicts:
        if conflict.owner != owner:
            owner = conflict.owner
            lines.append(f"conflicts with {owner}:")
        lines.append(f"- {conflict.field}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
