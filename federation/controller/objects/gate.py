"""Who may do what, as role bindings say, and the note of what was done.

In: role bindings, as they come from the store. Out: decisions, and entries of the audit log.
"""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from federation.api.base import explain
from federation.api.kind import ApiKind
from federation.api.v1alpha1.access import RoleBindingSpec
from federation.apiserver.access import (
    Attributes,
    Binding,
    Decision,
    binding_of,
    decide,
    is_clusterset_admin,
)
from federation.apiserver.caller import Caller
from federation.apiserver.kubernetes import Note
from federation.apiserver.own_rules import open_paths, resources_of, rules_of
from federation.controller.audit import REFUSED, Audit
from federation.controller.audit_changes import changes
from federation.controller.audit_entry import Act
from federation.runtime.logs import event

log = logging.getLogger(__name__)

Json = dict[str, Any]


class Gate:
    """Implements `federation.apiserver.kubernetes.Gate` over the bindings that there are."""

    def __init__(self, audit: Audit, kinds: Iterable[ApiKind]) -> None:
        self._audit = audit
        self._resources = resources_of(kinds)
        self._bindings: dict[str, Binding] = {}

    def heard(self, name: str, found: Json | None) -> None:
        """A RoleBinding was written, or is gone (None); one that cannot be read gives nothing.

        It may come from another version: nothing else is held up by it.
        """
        self._bindings.pop(name, None)
        if found is None:
            return
        try:
            spec = RoleBindingSpec.model_validate(found.get("spec"))
        except ValidationError as error:
            log.warning(
                event("a role binding counts for nothing", binding=name, reason=explain(error))
            )
        else:
            self._bindings[name] = binding_of(name, spec)

    def decide(self, caller: Caller, asked: Attributes) -> Decision:
        """Whether a caller may do it."""
        return decide(self._bindings.values(), caller, asked)

    def is_admin(self, caller: Caller) -> bool:
        """Whether a caller may do everything."""
        return is_clusterset_admin(self._bindings.values(), caller)

    def rules(self, caller: Caller, namespace: str) -> Json:
        """The status of a SelfSubjectRulesReview."""
        found = rules_of(self._bindings.values(), caller, namespace, self._resources)
        return {
            "incomplete": False,
            "resourceRules": [
                {
                    "verbs": list(rule.verbs),
                    "apiGroups": [rule.group],
                    "resources": list(rule.resources),
                    **({"resourceNames": list(rule.names)} if rule.names else {}),
                }
                for rule in found
            ],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": list(open_paths())}],
        }

    async def refused(self, caller: Caller, address: str, asked: Attributes, reason: str) -> None:
        """Note that somebody may not do what he asked."""
        act = Act(_what(asked), caller.name, address, _cluster(asked), caller=caller, target=asked)
        await self._audit.note(act, f"{REFUSED}{reason}")

    @asynccontextmanager
    async def noting(
        self, caller: Caller, address: str, asked: Attributes, *, is_dry: bool
    ) -> AsyncIterator[Note]:
        """Note what is done in this context, and how it ended."""
        note = Note()
        async with self._audit.noting(
            _what(asked), caller, address, _cluster(asked), target=asked, dry_run=is_dry
        ) as act:
            yield note
            act.detail = note.detail
            if not asked.name and note.after is not None:
                act.target = replace(asked, name=note.after["metadata"]["name"])
            act.changes = changes(note.before, note.after)


def _what(asked: Attributes) -> str:
    """What is done, as the audit log calls it."""
    return f"{asked.verb} {asked.full or asked.path}"


def _cluster(asked: Attributes) -> str:
    return asked.name if asked.resource == "clusters" else ""
