"""A question becomes an answer: bytes in, bytes out, no clock and no socket.

The usual question (one name, class IN, perhaps EDNS) costs a look into the table or two and joining
a few pieces; everything else is answered by the rules of RFC 1035, 6891 (EDNS), 2308 and 8020
(negative answers) and 8482 (ANY). Never raises, whatever the bytes.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from cluster_agent.dns.message import (
    KINDS,
    NOT_AUTHORITATIVE,
    OPT_LENGTH,
    TRUNCATED,
    TYPES_OF_RECORDS,
    UDP_SIZE,
    Body,
    body,
    form_of,
    opt,
)
from cluster_agent.dns.protocol import HEADER, IN_CLASS, MOST_LABEL, MOST_NAME, Code, Type
from cluster_agent.dns.table import Apex, Table
from cluster_agent.dns.zone import Rotation

TCP_SIZE = 65_535

_SMALL = 512
_SHORTEST = HEADER + 5
_OPT_HEAD = b"\0\0\x29"
_OPTS = (opt(), opt(do=True))
_BAD_VERSION = opt(code=Code.BADVERS)
_CODES = {code: body(flags=NOT_AUTHORITATIVE, code=code & 15) for code in Code}
_TRUNCATED = body(flags=TRUNCATED)
_SHOWN_FOR_ANY = (Type.A, Type.AAAA, Type.SRV, Type.TXT, Type.SOA, Type.NS)
_TRANSFERS = (251, 252)
_RECORDS = frozenset(n.to_bytes(2, "big") + IN_CLASS for n in range(1, 128) if n != Type.OPT)
"""Types with the class; those from 128 on ask for something else than records (RFC 6895)."""

_FORMS = {
    bytes((flags, other, 0, 1, 0, 0, 0, 0, 0, edns)): (
        form_of(recursion=bool(flags & 1), edns=bool(edns))
    )
    for flags in (0, 1, 4, 5)
    for other in range(256)
    for edns in (0, 1)
}
"""The heads of proper queries: one question, no answers, EDNS or not; other bits do not matter (AA,
which means nothing in a query, neither).
"""

_PLAIN = (b"", _SMALL)
_SOME_EDNS: dict[bytes, tuple[bytes, int]] = {}
_MOST_REMEMBERED = 1_000


Asked = tuple[str, int, int]
"""Which zone ("" is none of ours), type (0: one nobody knows), response code."""


class Counts:
    """How many questions had which answer, but for those that the table itself has counted."""

    def __init__(self) -> None:
        self.others: Counter[Asked] = Counter()
        self.truncated = 0
        self.dropped = 0

    def add(self, zone: str, type_: int, code: int) -> None:
        """One question; types that nobody knows count together."""
        self.others[zone, type_ if type_ in TYPES_OF_RECORDS else 0, code] += 1


class Query(NamedTuple):
    """A query, its question in lower case, which form of head it gets, and EDNS for the reply.

    `size` is what its asker takes, 0 when what follows the question is malformed (or, with EDNS, of
    another version).
    """

    data: bytes
    key: bytes
    form: int
    opt: bytes
    size: int

    @property
    def name(self) -> bytes:
        """The name in lower case."""
        return self.key[:-4]

    @property
    def type(self) -> int:
        """The type of record that is asked for."""
        return int.from_bytes(self.key[-4:-2], "big")

    @property
    def is_in(self) -> bool:
        """Whether the class is that of the Internet."""
        return self.key[-2:] == IN_CLASS


def answer(table: Table, query: bytes, counts: Counts, most: int = UDP_SIZE) -> bytes | None:
    """The reply to a query; None for what is no query at all. `most`: bytes the transport takes."""
    form = _FORMS.get(query[2:HEADER])
    if form is None:
        return _refuse_head(query, counts)
    end = query.find(b"\0", HEADER) + 5
    rest = query[end:]
    edns = _SOME_EDNS.get(rest) if form & 1 else None if rest else _PLAIN
    if edns is None or end > len(query):
        edns = _edns(query, end)
    key = query[HEADER:end].lower()
    known = table.live.get(key)
    if type(known) is bytes:
        kind = known[0]
        table.hits[kind] += 1
        heads, records, length = KINDS[kind].heads, known[1:], len(known) + OPT_LENGTH - 1
    elif type(known) is Rotation:
        known.asked = turn = known.asked + 1
        heads, records, length = known.bodies[turn % len(known.bodies)]
    elif (found := _negative(table, key, counts) if edns[1] else None) is None:
        return _odd(table, Query(query, key, form, *edns), counts)
    else:
        heads, records, length = found
    if end + length > (edns[1] if most == UDP_SIZE or not edns[1] else most):
        return _cut(Query(query, key, form, *edns), counts)
    return b"".join((query[:2], heads[form], query[HEADER:end], records, edns[0]))


def _negative(table: Table, key: bytes, counts: Counts) -> Body | None:
    """The usual negative answers: a name without such records, or none right below one."""
    type_ = key[-4:]
    if type_ not in _RECORDS or not table.live:
        return None
    name = key[:-4]
    known = table.names.get(name)
    if known is not None:
        counts.add(known.apex.text, type_[1], Code.NOERROR)
        return known.apex.nodata.of(name)
    first = name[0]
    if not 0 < first <= MOST_LABEL or len(name) > MOST_NAME:
        return None
    known = table.names.get(name[first + 1 :])  # which is well formed, so this name is, too
    if known is None:
        return None
    counts.add(known.apex.text, type_[1], Code.NXDOMAIN)
    return known.apex.nxdomain.of(name)


def _cut(query: Query, counts: Counts) -> bytes:
    """What does not fit, or what follows the question is malformed after all."""
    if not query.size:
        return _refused(query, Code.BADVERS if query.opt else Code.FORMERR, counts)
    counts.truncated += 1
    return _joined(query, _TRUNCATED)


def truncated(query: bytes) -> bytes | None:
    """Tells who asks too much over UDP to ask over TCP; no longer than the query."""
    form = _FORMS.get(query[2:HEADER])
    end = query.find(b"\0", HEADER) + 5
    if form is None or not _SHORTEST <= end <= len(query):
        return None
    return _joined(Query(query, query[HEADER:end], form & 2, b"", 0), _TRUNCATED)


def _edns(query: bytes, end: int) -> tuple[bytes, int]:
    """EDNS for the reply, and the size the asker takes over UDP; what is usual is remembered."""
    rest = query[end:]
    if end < _SHORTEST or not query[11] or rest[:3] != _OPT_HEAD:
        return b"", 0
    if len(rest) < OPT_LENGTH or len(rest) - OPT_LENGTH != int.from_bytes(rest[9:11], "big"):
        return b"", 0
    if rest[6]:
        return _BAD_VERSION, 0
    wanted = max(_SMALL, rest[3] << 8 | rest[4])
    found = _OPTS[rest[7] >> 7], min(wanted, UDP_SIZE)
    if len(_SOME_EDNS) < _MOST_REMEMBERED and len(rest) == OPT_LENGTH:
        _SOME_EDNS[rest] = found
    return found


def _odd(table: Table, query: Query, counts: Counts) -> bytes:
    """What is asked seldom, or is no question."""
    query = query if query.size or query.opt else _read_again(query)
    name = query.name
    starts = _labels(name) if query.size else None
    code = _refusal(query, starts)
    apex = next((a for a in table.apexes if _is_below(name, starts or (), a)), None)
    if code is not None or apex is None:
        return _refused(query, Code.REFUSED if code is None else code, counts)
    if not table.is_synced:
        counts.add(apex.text, query.type, Code.SERVFAIL)
        return _joined(query, _CODES[Code.SERVFAIL])
    shown = _any(table, name) if query.type == Type.ANY else None
    exists = shown is not None or name in table.names
    counts.add(apex.text, query.type, Code.NOERROR if exists else Code.NXDOMAIN)
    return _joined(query, shown or (apex.nodata if exists else apex.nxdomain).of(name))


def _read_again(query: Query) -> Query:
    """The query with its name read label by label: a label may have a zero byte inside."""
    data, at = query.data, HEADER
    while at < len(data) and 0 < data[at] <= MOST_LABEL:
        at += data[at] + 1
    end = at + 5
    if end == HEADER + len(query.key) or end > len(data) or data[at]:
        return query
    edns = _edns(data, end) if end < len(data) or data[11] else _PLAIN
    return Query(data, data[HEADER:end].lower(), query.form, *edns)


def _refusal(query: Query, starts: list[int] | None) -> Code | None:
    """The code for a question that no zone can answer."""
    if query.opt is _BAD_VERSION:
        return Code.BADVERS
    if starts is None or query.type == Type.OPT:
        return Code.FORMERR
    return None if query.is_in and query.type not in _TRANSFERS else Code.REFUSED


def _labels(name: bytes) -> list[int] | None:
    """Where the labels of a name begin; None when it is malformed or too long."""
    starts, at = [], 0
    while name[at : at + 1] not in (b"\0", b""):
        length = name[at]
        starts.append(at)
        at += length + 1
        if length > MOST_LABEL:
            return None
    return starts if at == len(name) - 1 and len(name) <= MOST_NAME else None


def _is_below(name: bytes, starts: Sequence[int], apex: Apex) -> bool:
    return name.endswith(apex.name) and len(name) - len(apex.name) in starts


def _any(table: Table, name: bytes) -> Body | None:
    """Records of one type that the name has, instead of all (RFC 8482)."""
    for type_ in _SHOWN_FOR_ANY:
        known = table.answers.get(name + type_.to_bytes(2, "big") + IN_CLASS)
        if isinstance(known, bytes) and len(known) < _SMALL - MOST_NAME:
            return Body(KINDS[known[0]].heads, known[1:], len(known) + OPT_LENGTH - 1)
        if isinstance(known, Rotation) and known.bodies[0].length < _SMALL - MOST_NAME:
            return known.bodies[0]
    return None


def _refuse_head(query: bytes, counts: Counts) -> bytes | None:
    """An answer to an odd head. A response, or less than a head, is never answered."""
    if len(query) < HEADER or query[2] & 0x80:
        counts.dropped += 1
        return None
    code = Code.NOTIMP if query[2] & 0x78 else Code.FORMERR
    counts.add("", 0, code)
    return _without_question(query, code)


def _without_question(query: bytes, code: Code) -> bytes:
    """A code and nothing else, but EDNS to whom has it (RFC 6891, 6.1.1)."""
    has_edns = query[11] == 1 and query[-OPT_LENGTH : -OPT_LENGTH + 3] == _OPT_HEAD
    head = query[:2] + bytes((0x80 | query[2] & 0x79, code)) + b"\0" * 7
    return head + bytes((has_edns,)) + (_OPTS[0] if has_edns else b"")


def _refused(query: Query, code: Code, counts: Counts) -> bytes:
    """No answer, but a reason. Of a malformed query the question is not repeated."""
    counts.add("", 0, code)
    if code is Code.FORMERR:
        return _without_question(query.data, code)
    form = query.form if query.opt else query.form & 2
    return _joined(query._replace(form=form), _CODES[code])


def _joined(query: Query, found: Body) -> bytes:
    data = query.data
    question = data[HEADER : HEADER + len(query.key)]
    return b"".join((data[:2], found.heads[query.form], question, found.records, query.opt))
