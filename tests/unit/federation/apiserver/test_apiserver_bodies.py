"""Bodies as they come: what is no JSON of ours is refused in a sentence, and never kept."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from federation.apiserver.bodies import read_body
from federation.apiserver.statuses import StatusError
from tests.unit.fakes.api_world import ApiWorld, api_world

JSON, YAML = "application/json", "application/yaml"
NAMESPACES = "/api/v1/namespaces"
POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (b'{"a": 1e999}', JSON),
        (b'{"a": -1e999}', JSON),
        (b'{"a": NaN}', JSON),
        (b'{"a": 18446744073709551616}', JSON),
        (b'{"a": ' + b"9" * 5_000 + b"}", JSON),
        (b'{"a": "\\ud800"}', JSON),
        (b'{"\\uDC00": 1}', JSON),
        ('{"a": 1}'.encode("utf-16"), JSON),
        (b"a: .inf", YAML),
        (b"a: .nan", YAML),
        (b"a: 18446744073709551616", YAML),
        (b'{"a": "\\ud800"}', YAML),
        (b"a: " + b"[" * 10_000 + b"]" * 10_000, YAML),
        (b"[" * 100_000, JSON),
    ],
)
def test_what_others_could_not_read_again_is_refused(data: bytes, media: str) -> None:
    with pytest.raises(StatusError) as refused:
        read_body(data, media)
    assert refused.value.code == 400
    assert str(refused.value).startswith("the body of the request")


def test_what_json_can_say_is_taken() -> None:
    said = (
        b'{"a": 18446744073709551615, "b": -9223372036854775808, "c": 1.5, "d": "\\ud83d\\ude00"}'
    )
    assert read_body(said, JSON)[0] == {"a": 2**64 - 1, "b": -(2**63), "c": 1.5, "d": "\U0001f600"}


def test_keys_of_yaml_are_text_as_in_json() -> None:
    found, _ = read_body(b"metadata: {labels: {2: x, true: y, 1.5: z}}", YAML)
    assert found == {"metadata": {"labels": {"2": "x", "true": "y", "1.5": "z"}}}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("path", [POLICIES, "/v1/join"])
async def test_a_body_that_is_not_what_its_encoding_says_is_refused(
    world: ApiWorld, encoding: str, path: str
) -> None:
    code, said = await world.ask("POST", path, b"neither of them", Content_Encoding=encoding)
    assert code == 400
    assert "Content-Encoding" in json.dumps(said)


@pytest.mark.parametrize("text", ["9" * 5_000, "٣", "-1", "x"])
async def test_a_resource_version_that_is_none_is_refused(world: ApiWorld, text: str) -> None:
    await world.ask("POST", NAMESPACES, {"metadata": {"name": "shop"}})
    body = {"metadata": {"resourceVersion": text}}
    code, said = await world.ask("PUT", f"{NAMESPACES}/shop", body)
    assert (code, said["reason"]) == (400, "BadRequest")
    options = {"preconditions": {"resourceVersion": text}}
    code, said = await world.ask("DELETE", f"{NAMESPACES}/shop", options)
    assert (code, said["reason"]) == (400, "BadRequest")
    assert (await world.ask("GET", f"{NAMESPACES}/shop"))[0] == 200


async def test_a_mistake_of_ours_is_a_status_too(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(path: str) -> None:
        raise LookupError(path)

    monkeypatch.setattr("federation.apiserver.kubernetes.read_path", broken)
    code, said = await world.ask("GET", POLICIES)
    assert (code, said["kind"], said["reason"]) == (500, "Status", "InternalError")
    assert "LookupError" in caplog.text
