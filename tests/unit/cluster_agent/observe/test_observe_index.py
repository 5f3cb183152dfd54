"""Which services a changed object concerns."""

from cluster_agent.observe.index import Index
from cluster_agent.source.objects import Key
from federation.model.names import ServiceName
from tests.unit.documents import (
    API,
    DNS,
    Json,
    endpoint,
    export,
    node,
    pod,
    service,
    slice_of,
    world,
)


class Story:
    """Objects that change step by step, and the services that each step makes dirty."""

    def __init__(self, *documents: Json) -> None:
        self.objects = world(*documents)
        self.index = Index()
        self.index.affected(self.objects, self.objects)

    def put(self, document: Json) -> set[ServiceName]:
        added = world(document)
        self.objects = self.objects | added
        return self.index.affected(added, self.objects)

    def drop(self, key: Key) -> set[ServiceName]:
        self.objects = {k: v for k, v in self.objects.items() if k != key}
        return self.index.affected([key], self.objects)


def test_a_change_dirties_the_services_it_concerns() -> None:
    story = Story(service(), export(), slice_of(endpoint("10.0.0.1", "p1")), pod("p1"), node("a"))
    assert story.put(service(ports=[DNS])) == {API}
    assert story.drop(Key("ServiceExport", "shop", "api")) == {API}
    assert story.put(pod("p1", account="other")) == {API}
    assert story.put(pod("stranger")) == set()
    assert story.put(node("b")) == {API}
    assert story.put(slice_of(endpoint("10.0.0.9"))) == {API}
    assert story.put(pod("p1")) == set()


def test_a_pod_that_comes_after_its_slice_dirties_the_service() -> None:
    story = Story(service(), slice_of(endpoint("10.0.0.1", "p1")))
    assert story.put(pod("p1")) == {API}
    assert story.put(node("a")) == {API}


def test_a_slice_that_goes_or_moves_dirties_the_service_it_left() -> None:
    story = Story(service(), slice_of(endpoint("10.0.0.1")))
    moved = slice_of(endpoint("10.0.0.1"))
    moved["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    assert story.put(moved) == {API, ServiceName("shop", "web")}
    assert story.index.slices(API, story.objects) == []
    assert story.drop(Key("EndpointSlice", "shop", "api-1")) == {ServiceName("shop", "web")}
