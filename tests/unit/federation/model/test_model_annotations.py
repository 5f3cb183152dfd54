"""The annotations that docs show are those that there are."""

import re

from federation.model.annotations import OF_EXPORTS, OF_PODS
from tests.docs.pages import ROOT


def test_docs_name_no_annotation_that_has_no_effect() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    annotation = re.compile(r"(?<![\w.])fedmesh\.dev/[a-z]+\b")  # not KIND.fedmesh.dev/NAME
    named = {found for page in pages for found in annotation.findall(page.read_text())}
    known = {*OF_PODS, *OF_EXPORTS}
    assert named <= known
    assert {"fedmesh.dev/sidecar", "fedmesh.dev/steering"} <= named
