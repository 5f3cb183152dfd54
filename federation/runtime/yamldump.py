"""Plain values become YAML that every reader takes for what it was.

In: mappings, lists, text, numbers. Out: YAML in the order of the values. YAML 1.1, YAML 1.2 and
Go's readers do not agree what `1e3`, `0o7` or `on` is: what is not plainly text stands in quotes.
"""

import re
from typing import Any

import yaml

_PLAINLY_TEXT = re.compile(
    r"[A-Za-z/][A-Za-z0-9/._-]*(:[0-9]+)?|https://[A-Za-z0-9._-]+(:[0-9]+)?|"
    r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(:[0-9]+)?",
    re.ASCII,
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "nan"})
_LONG = 1 << 20


class _Dumper(yaml.SafeDumper):
    """As the library's, but for text, and without aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """What is there twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAINLY_TEXT.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


_Dumper.add_representer(str, _text)


def dumped(value: Any) -> str:
    """The document as text."""
    return yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LONG,
        default_flow_style=False,
    )
