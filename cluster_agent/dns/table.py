"""The table that questions are answered from: question to answer, and which names exist.

In: what each owner says (`cluster_agent.dns.zone`). A change of one owner changes its own entries
only. Out: for `cluster_agent.dns.answer`, two dictionaries and the zones.
"""

from collections import Counter
from dataclasses import dataclass

from cluster_agent.dns.message import KINDS, MOST_KINDS, Negatives
from cluster_agent.dns.protocol import Code, Zones, wire_name
from cluster_agent.dns.zone import Answers, RecordSet, Rotation, negative, zone_records

_NOTHING = RecordSet({}, frozenset())


class Apex:
    """A zone: its name as it travels, and its negative answers."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = wire_name(text)
        self.nodata = Negatives(self.name, negative(text), Code.NOERROR)
        self.nxdomain = Negatives(self.name, negative(text), Code.NXDOMAIN)


@dataclass(slots=True)
class Existing:
    """A name that exists in a zone, and how many owners it has."""

    apex: Apex
    owners: int = 0


class Table:
    """Everything that can be answered.

    Several owners may let the same name exist (that of a namespace, say); an answer has one owner.
    `is_synced` is False until the agent has said everything once; until then `live` is empty.
    """

    def __init__(self, zones: Zones) -> None:
        self.answers: dict[bytes, Answers] = {}
        self.live: dict[bytes, Answers] = {}
        self.names: dict[bytes, Existing] = {}
        self.apexes = tuple(map(Apex, zones))
        self.hits = [0] * MOST_KINDS
        """Questions that were answered, by kind."""
        self.zones = zones
        self._owners: dict[str, RecordSet] = {}
        self._gone: Counter[tuple[str, int]] = Counter()
        self.set(f"zone {zones.clusterset}", zone_records(zones.clusterset, is_clusterset=True))
        self.set(f"zone {zones.steering}", zone_records(zones.steering, is_clusterset=False))

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def is_synced(self) -> bool:
        """Whether what is not here is known not to exist."""
        return self.live is self.answers

    def set_synced(self, synced: bool) -> None:
        """Say whether what is here is all there is."""
        self.live = self.answers if synced else {}

    def set(self, owner: str, records: RecordSet) -> None:
        """What an owner has from now on."""
        before = self._owners.get(owner, _NOTHING)
        self._owners[owner] = records
        if not records.answers and not records.names:
            del self._owners[owner]
        for key, answers in before.answers.items():
            if isinstance(answers, Rotation):
                self._gone[self._group(key)] += answers.asked
            if key not in records.answers:
                self.answers.pop(key, None)
        self.answers.update(records.answers)
        for name in records.names - before.names:
            if name not in self.names:
                self.names[name] = Existing(self._apex_of(name))
            self.names[name].owners += 1
        for name in before.names - records.names:
            self.names[name].owners -= 1
            if not self.names[name].owners:
                del self.names[name]

    def _apex_of(self, name: bytes) -> Apex:
        return next(apex for apex in self.apexes if name.endswith(apex.name))

    def asked(self) -> Counter[tuple[str, int]]:
        """How many questions the table has answered so far, by zone and type."""
        found = self._gone.copy()
        for kind, number in zip(KINDS, self.hits, strict=False):
            found[kind.zone, kind.type] += number
        for key, answers in self.answers.items():
            if isinstance(answers, Rotation):
                found[self._group(key)] += answers.asked
        return +found

    def _group(self, key: bytes) -> tuple[str, int]:
        return self._apex_of(key[:-4]).text, int.from_bytes(key[-4:-2], "big")

    def drop(self, owner: str) -> None:
        """An owner has gone."""
        self.set(owner, _NOTHING)

    def owners(self) -> frozenset[str]:
        """Who has records."""
        return frozenset(self._owners)
