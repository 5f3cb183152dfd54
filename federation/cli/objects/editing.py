"""Editing an object as YAML in an editor: again when it is refused, and the text is never lost.

In: an object, and an `Editor`. Out: the object as it was written, or None when nothing was changed.
Somebody else's change in between is taken over where the two touch different fields, and otherwise
shown to be decided.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from federation.apiserver.patching.merge_patch import merge_patch
from federation.cli.objects.applying import stated
from federation.cli.objects.merge import change, contested
from federation.cli.objects.session import Session
from federation.cli.objects.shown import as_yaml, plain
from federation.client.objects import Place, revision_of
from federation.model.errors import Conflict, Failed, FedmeshError, InvalidInput, shown
from federation.runtime.yamldocs import YamlError, load_document

Json = dict[str, Any]
Editor = Callable[[str], str]
"""Has a text edited, and returns what became of it; raises Failed."""

_HEAD = "# What you save is written to the controller; save it as it is to change nothing.\n"
_ATTEMPTS = 5


class EditFile:
    """A file for one text, made when it is needed; it stays unless it is removed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._command = _command(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
        self.path: Path | None = None

    def edit(self, text: str) -> str:
        """Implements `Editor`."""
        if self.path is None:
            descriptor, name = tempfile.mkstemp(prefix="fedctl-edit-", suffix=".yaml")
            os.close(descriptor)
            self.path = Path(name)
        self.path.write_text(text, "utf-8")
        program = self._command[0]
        try:
            subprocess.run([*self._command, str(self.path)], check=True)  # noqa: S603 - the user's
            return self.path.read_text("utf-8")
        except OSError as error:
            raise Failed(f"editor {program} cannot be started: {error.strerror}") from error
        except subprocess.CalledProcessError as error:
            raise Failed(f"editor {program} ended with {error.returncode}") from error
        except UnicodeDecodeError as error:
            raise InvalidInput("what you wrote is not UTF-8") from error

    def remove(self) -> None:
        """The text is not needed any more."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def kept(self, error: FedmeshError) -> FedmeshError:
        """The error with where the text is, if there is one."""
        if self.path is None:
            return error
        return type(error)(f"{error}: your text is kept in {self.path}")


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        raise InvalidInput(f"$VISUAL or $EDITOR is {shown(text)}, which is no command")
    return words


def edit(place: Place, session: Session, editor: Editor) -> Json | None:
    """Have an object edited, and write it; raises the error that nothing was done about."""
    before = plain(session.objects.get(place))
    text = as_yaml(before)
    problem: FedmeshError | None = None
    while True:
        edited = editor(f"{_HEAD}{_remark(problem)}{text}")
        body = _without_comments(edited)
        is_same = body.strip() == text.strip() and not isinstance(problem, Conflict)
        if is_same or not body.strip():
            if problem is not None:
                raise problem
            return None
        text, mine = body, {}
        try:
            mine = change(stated(before), stated(_object(edited)))
            return _write(place, before, mine, session) if mine else None
        except InvalidInput as error:
            problem = error
        except Conflict as error:
            problem = error
            before = plain(session.objects.get(place))
            text = as_yaml(merge_patch(before, mine))


def _remark(problem: FedmeshError | None) -> str:
    return "".join(f"# {line}\n" for line in str(problem or "").splitlines())


def _write(place: Place, before: Json, mine: Json, session: Session) -> Json:
    """Write a change to the object as it is now; raises Conflict when others changed the same."""
    live = before
    for _ in range(_ATTEMPTS):
        metadata = {**mine.get("metadata", {}), "resourceVersion": revision_of(live)}
        try:
            return session.objects.patch(place, {**mine, "metadata": metadata})
        except Conflict:
            live = plain(session.objects.get(place))
            both = contested(mine, change(stated(before), stated(live)))
            if both:
                raise Conflict(
                    f"somebody else changed {', '.join(both)} meanwhile: what you save now counts"
                ) from None
    raise Failed(f"{place.title} is changed all the time: try again")


def _object(text: str) -> Json:
    try:
        found = load_document(text, "what you wrote")
    except YamlError as error:
        raise InvalidInput(str(error)) from error
    if not isinstance(found, dict):
        raise InvalidInput(f"what you wrote is {shown(found)}, but must be an object")
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        raise InvalidInput(f"metadata is {shown(metadata)}, but must be a mapping")
    return found


def _without_comments(text: str) -> str:
    """The text without the lines at its head that we wrote."""
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)
