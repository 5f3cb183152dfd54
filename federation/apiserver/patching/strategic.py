"""Strategic merge patch: as a merge patch, but lists are merged too where the schema says how.

In: an object, a patch as kubectl sends it for kinds of Kubernetes' own, the schema. Out: another
object, or InvalidInput that names the place. A list is merged by `x-kubernetes-patch-merge-key`
with the strategy `merge`, or by its `x-kubernetes-list-type`; all others are replaced. Directives:
`$patch` (`delete`, `replace`, `merge`), `$retainKeys`, `$deleteFromPrimitiveList/LIST` and
`$setElementOrder/LIST`.
"""

from typing import Any

from federation.apiserver.patching.shape import of_element, whole
from federation.apiserver.patching.strategic_lists import (
    STRATEGY,
    in_order,
    name_of,
    named,
    namer,
    without_values,
)
from federation.apiserver.patching.values import Json
from federation.model.errors import InvalidInput, shown

PATCH = "$patch"
RETAIN = "$retainKeys"
REMOVE = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"

_DELETE, _REPLACE, _MERGE = "delete", "replace", "merge"


def strategic_merge(target: Json, patch: Json, schema: Json) -> Json:
    """The object after the patch; neither is changed."""
    return _merged(target, patch, whole(schema), "")


def _directive(patch: Any, path: str) -> str:
    said = patch.get(PATCH, _MERGE) if isinstance(patch, dict) else _MERGE
    if said not in (_DELETE, _REPLACE, _MERGE):
        raise InvalidInput(f"{path}.{PATCH} must be delete, merge or replace, not {shown(said)}")
    return str(said)


def _merged(target: Json, patch: Json, schema: Json, path: str) -> Json:
    what = _directive(patch, path)
    if what == _DELETE:
        return {}
    if what == _REPLACE:
        rest = {name: value for name, value in patch.items() if name != PATCH}
        return _merged({}, rest, schema, path)
    merged = _retained(target, patch, path)
    orders = {n.removeprefix(ORDER): v for n, v in patch.items() if n.startswith(ORDER)}
    _remove_values(merged, patch, path)
    for name, value in patch.items():
        if name in (PATCH, RETAIN) or name.startswith((REMOVE, ORDER)):
            continue
        if value is None:
            merged.pop(name, None)
        else:
            inner = of_element(schema, f"f:{name}")[0]
            order = orders.pop(name, None)
            merged[name] = _member(merged.get(name), value, inner, f"{path}.{name}", order)
    for name, order in orders.items():  # of lists that the patch changes in nothing else
        inner = of_element(schema, f"f:{name}")[0]
        if isinstance(merged.get(name), list) and namer(inner) is not None:
            merged[name] = _merged_list(merged[name], [], inner, f"{path}.{name}", order)
    return merged


def _remove_values(merged: Json, patch: Json, path: str) -> None:
    for name, value in patch.items():
        known = merged.get(name.removeprefix(REMOVE))
        if name.startswith(REMOVE) and isinstance(known, list):
            left = without_values(known, value, f"{path}.{name}")
            merged[name.removeprefix(REMOVE)] = left


def _retained(target: Json, patch: Json, path: str) -> Json:
    if RETAIN not in patch:
        return dict(target)
    keys = patch[RETAIN]
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise InvalidInput(f"{path}.{RETAIN} must be a list of names, not {shown(keys)}")
    kept = set(keys)
    for name, value in patch.items():
        if not name.startswith("$") and value is not None and name not in kept:
            raise InvalidInput(f"{path}.{RETAIN} must name {shown(name)}, which the patch sets")
    return {name: value for name, value in target.items() if name in kept}


def _member(known: Any, value: Any, schema: Json, path: str, order: Any) -> Any:
    if isinstance(value, dict):
        replaced = schema.get(STRATEGY) == _REPLACE or not isinstance(known, dict)
        return _merged({} if replaced else known, value, schema, path)
    if isinstance(value, list):
        return _merged_list(known if isinstance(known, list) else [], value, schema, path, order)
    return value


def _merged_list(
    target: list[Any], patch: list[Any], schema: Json, path: str, order: Any = None
) -> list[Any]:
    name, inner = namer(schema), schema.get("items", {})
    said = [_directive(item, path) for item in patch]
    if name is None or _REPLACE in said:
        # `{"$patch": "replace"}` among the items says it of the list, and is no item.
        kept = [item for item, what in zip(patch, said, strict=True) if what == _MERGE]
        return [_item({}, item, inner, path) for item in kept]
    items = named(target, name)
    before = list(items)
    touched = []
    for item, what in zip(patch, said, strict=True):
        called = name_of(item, name, path)
        if what == _DELETE:
            items.pop(called, None)
        else:
            items[called] = _item(items.get(called), item, inner, path)
            touched.append(called)
    if order is None:
        return list(items.values())
    if not isinstance(order, list):
        raise InvalidInput(f"{path}: {ORDER} must be a list, not {shown(order)}")
    wanted = [name_of(item, name, f"{path}: {ORDER}") for item in order]
    if lacking := set(touched).difference(wanted):
        raise InvalidInput(f"{path}: {ORDER} must have {min(lacking)}, which the patch sets")
    return in_order(items, wanted, before)


def _item(known: Any, item: Any, schema: Json, path: str) -> Any:
    """An item after the patch. In a new one nulls and directives say nothing, and are left out."""
    if not isinstance(item, dict):
        return item
    return _merged(known if isinstance(known, dict) else {}, item, schema, path)
