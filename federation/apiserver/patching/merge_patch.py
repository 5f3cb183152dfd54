"""JSON merge patch, RFC 7396: what a patch leaves out stays, null takes a member away.

In: an object and a patch. Out: another object; neither is changed.
"""

from federation.apiserver.patching.values import Json


def merge_patch(target: Json, patch: Json) -> Json:
    """The object after the patch; lists are replaced as a whole.

    >>> merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [3]}})
    {'a': {'c': 2, 'd': [3]}}
    """
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = merge_patch(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged
