"""A proxy is given the anchors it needs: secrets come with their first user, go with the last."""

from cluster_agent.main import PROXY_RULES
from cluster_agent.snapshot.tables import TYPES
from cluster_agent.snapshot.validation_secrets import ValidationSecrets
from federation.envoy.build import CLUSTERSET, MOST_NAMED
from federation.model.facts import Bundle
from federation.model.types import CLUSTER, SECRET
from federation.xds.receiver import Receiver
from federation.xds.resources import resource
from federation.xds.sender import Sender
from federation.xds.snapshot import Table
from tests.unit.goldens import document

EAST, WEST = Bundle("east.mesh", ("PEM east",)), Bundle("west.mesh", ("PEM west",))
BOTH = ("east.mesh", "west.mesh")
NAME = "clusterset:east.mesh,west.mesh"


def domains(body: bytes | None) -> list[str]:
    assert body is not None
    validator = document(body)["validation_context"]["custom_validator_config"]["typed_config"]
    return [domain["name"] for domain in validator.get("trust_domains", [])]


def test_a_secret_comes_with_its_first_user_and_goes_with_its_last() -> None:
    trusts = ValidationSecrets()
    trusts.set_bundles([EAST, WEST])
    assert list(trusts.require("one", [BOTH])) == [NAME]
    assert trusts.require("other", [BOTH]) == {}
    assert trusts.require("one", []) == {}
    assert trusts.require("other", [("east.mesh",)]).keys() == {NAME, "clusterset:east.mesh"}
    assert trusts.require("other", []) == {"clusterset:east.mesh": None}


def test_it_believes_those_it_names_and_nobody_else() -> None:
    trusts = ValidationSecrets()
    trusts.set_bundles([EAST, WEST])
    (body,) = trusts.require("one", [("east.mesh",)]).values()
    assert domains(body) == ["east.mesh"]


def test_a_domain_nobody_has_told_of_is_not_believed_until_its_bundle_comes() -> None:
    trusts = ValidationSecrets()
    trusts.set_bundles([EAST])
    (body,) = trusts.require("one", [BOTH]).values()
    assert domains(body) == ["east.mesh"]
    secrets = trusts.set_bundles([EAST, WEST])
    assert domains(secrets[NAME]) == list(BOTH)
    assert domains(secrets[CLUSTERSET]) == list(BOTH)


def test_a_bundle_that_is_taken_away_is_believed_nowhere() -> None:
    trusts = ValidationSecrets()
    trusts.set_bundles([EAST, WEST])
    trusts.require("one", [BOTH])
    secrets = trusts.set_bundles([WEST])
    assert domains(secrets[NAME]) == ["west.mesh"]
    assert domains(secrets[CLUSTERSET]) == ["west.mesh"]


def test_who_needs_nobody_or_very_many_believes_all() -> None:
    trusts = ValidationSecrets()
    many = tuple(f"c{i}.mesh" for i in range(MOST_NAMED + 1))
    assert trusts.require("one", [(), many]) == {}


def answered(sender: Sender, receiver: Receiver) -> str:
    """Carry one response and its acknowledgement; returns its type."""
    response = sender.next_response(0.0)
    assert response is not None
    sender.receive(receiver.receive(response).reply, 0.0)
    return response.type_url


def test_a_cluster_never_reaches_a_proxy_before_the_secret_that_it_names() -> None:
    table = Table()
    table.put(SECRET, resource("old", b"old"))
    table.mark_complete(*TYPES)
    sender, receiver = Sender(table, PROXY_RULES), Receiver("n", TYPES)
    for request in receiver.open():
        sender.receive(request, 0.0)
    first = sender.next_response(0.0)
    assert first is not None
    assert first.type_url == SECRET
    for type_url, name in ((SECRET, "new"), (CLUSTER, "api")):  # the first is still under way
        table.put(type_url, resource(name, b"body"))
        sender.touch(type_url, name)
    while (response := sender.next_response(0.0)) is not None:
        assert response.type_url != CLUSTER
        sender.receive(receiver.receive(response).reply, 0.0)
    sender.receive(receiver.receive(first).reply, 0.0)
    while "api" not in receiver.held(CLUSTER):
        answered(sender, receiver)
        assert "new" in receiver.held(SECRET)


def test_a_secret_goes_after_the_cluster_that_named_it() -> None:
    table = Table()
    table.put(SECRET, resource("s", b"s"))
    table.put(CLUSTER, resource("api", b"names s"))
    table.mark_complete(*TYPES)
    sender, receiver = Sender(table, PROXY_RULES), Receiver("n", TYPES)
    for request in receiver.open():
        sender.receive(request, 0.0)
    while not sender.is_quiet() or "api" not in receiver.held(CLUSTER):
        answered(sender, receiver)
    table.drop(SECRET, "s")
    table.drop(CLUSTER, "api")
    sender.touch(SECRET, "s")
    sender.touch(CLUSTER, "api")
    while "s" in receiver.held(SECRET):
        answered(sender, receiver)
        assert "api" not in receiver.held(CLUSTER)
