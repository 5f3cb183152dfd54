"""The metadata that objects may have."""

from federation.api.base import Metadata
from federation.api.object_meta import OBJECT_META


def test_what_documents_may_say_is_known() -> None:
    said = {field.alias or name for name, field in Metadata.model_fields.items()}
    known = set(OBJECT_META["properties"])
    assert said <= known
    assert Metadata.others - known == {"clusterName"}


def test_every_field_is_explained() -> None:
    assert all(field["description"] for field in OBJECT_META["properties"].values())
