"""What a User and a RoleBinding may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from federation.api.base import explain
from federation.api.v1alpha1.access import MOST_SUBJECTS, RoleBindingSpec, UserSpec

ALICE = {"kind": "User", "name": "alice"}


def test_a_binding_is_for_the_clusterset_where_it_names_no_scope() -> None:
    spec = RoleBindingSpec.model_validate({"role": "viewer", "subjects": [ALICE]})
    assert (spec.namespaces, spec.clusters) == ([], [])


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"role": "root", "subjects": [ALICE]}, "role is 'root'"),
        ({"role": "viewer"}, "subjects is missing"),
        ({"role": "viewer", "subjects": []}, "subjects"),
        ({"role": "viewer", "subjects": [ALICE] * (MOST_SUBJECTS + 1)}, "at most 100"),
        ({"role": "viewer", "subjects": [{"kind": "Robot", "name": "a"}]}, "subjects[0].kind"),
        ({"role": "viewer", "subjects": [ALICE], "namespaces": ["A"]}, "namespaces[0] is 'A'"),
    ],
)
def test_a_binding_that_cannot_be_is_refused(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as error:
        RoleBindingSpec.model_validate(spec)
    assert why in explain(error.value)


def test_a_user_is_not_disabled_until_it_is_said() -> None:
    assert UserSpec.model_validate({"groups": ["ops"]}).disabled is False
