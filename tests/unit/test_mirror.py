"""Every source module has its test file, or stands in a short list with its reason."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("federation", "gateway", "sidecar", "cluster_agent")

TABLES = {
    "test_objects_api": (
        "federation/controller/facts/of_services.py",
        "federation/controller/membership/cluster_object.py",
        "federation/controller/objects/*.py",
    ),
    "test_apiserver_kubernetes": (
        "federation/api/rows/*.py",
        "federation/api/kinds.py",
        "federation/api/mcs_views.py",
        "federation/api/v1alpha1/join_token.py",
        "federation/api/v1alpha1/views.py",
        "federation/apiserver/answers.py",
        "federation/apiserver/bodies.py",
        "federation/apiserver/collection.py",
        "federation/apiserver/described.py",
        "federation/apiserver/documents.py",
        "federation/apiserver/judging.py",
        "federation/apiserver/lifecycle.py",
        "federation/apiserver/metadata.py",
        "federation/apiserver/paging.py",
        "federation/apiserver/reading.py",
        "federation/apiserver/requests.py",
        "federation/apiserver/resource.py",
        "federation/apiserver/reviews.py",
        "federation/apiserver/selectors.py",
        "federation/apiserver/statuses.py",
        "federation/apiserver/streams.py",
        "federation/apiserver/watching.py",
        "federation/apiserver/writing.py",
    ),
    "test_controller_audit": ("federation/controller/audit_entry.py",),
    "test_objects_get": (
        "federation/cli/objects/events.py",
        "federation/cli/objects/follow.py",
        "federation/cli/objects/listed.py",
        "federation/cli/objects/options.py",
        "federation/cli/objects/session.py",
        "federation/cli/objects/shown.py",
        "federation/cli/objects/tables.py",
        "federation/cli/objects/targets.py",
        "federation/client/discovery.py",
        "federation/client/objects.py",
    ),
    "test_client_client": ("federation/client/answers.py",),
    "test_objects_apply": (
        "federation/cli/objects/applying.py",
        "federation/cli/objects/deleting.py",
        "federation/cli/objects/differing.py",
        "federation/cli/objects/manifests.py",
    ),
    "test_objects_edit": (
        "federation/cli/objects/described.py",
        "federation/cli/objects/editing.py",
        "federation/cli/objects/explained.py",
        "federation/cli/objects/goals.py",
        "federation/cli/objects/merge.py",
        "federation/cli/objects/waiting.py",
    ),
    "test_apiserver_access": ("federation/apiserver/caller.py",),
    "test_access_users": ("federation/controller/access/credentials.py",),
    "test_apiserver_server": ("federation/apiserver/routes.py",),
    "test_patching_managers": (
        "federation/apiserver/patching/checked.py",
        "federation/apiserver/patching/compare.py",
        "federation/apiserver/patching/conflicts.py",
        "federation/apiserver/patching/merging.py",
        "federation/apiserver/patching/shape.py",
    ),
    "test_patching_strategic": ("federation/apiserver/patching/strategic_lists.py",),
    "test_facts_hub": ("federation/controller/facts/presence.py",),
    "test_facts_registry": ("federation/controller/facts/observations.py",),
    "test_views_problems": (
        "federation/controller/views/cluster_problems.py",
        "federation/controller/views/controller_problems.py",
        "federation/controller/views/problem.py",
        "federation/controller/views/service_problems.py",
    ),
    "test_cli_commands": ("federation/cli/commands/*.py", "federation/cli/options.py"),
    "test_resources_strict": (
        "federation/api/base.py",
        "federation/api/v1alpha1/cluster.py",
        "federation/api/kubernetes.py",
        "federation/api/mcs.py",
        "federation/client/documents.py",
    ),
    "test_controller_store": ("federation/controller/store/sqlite.py",),
    "test_membership_members": (
        "federation/controller/membership/joining.py",
        "federation/controller/membership/keys.py",
        "federation/controller/trust/authority.py",
    ),
    "test_cli_contexts": ("federation/cli/commands/context_*.py",),
    "test_cli_first": ("federation/cli/commands/init.py", "federation/cli/commands/invite.py"),
    "test_certificates_agent_trust": ("federation/supervisor/certificates/keygen.py",),
    "test_supervisor_relay": ("federation/envoy/identity.py",),
    "test_loops": ("federation/supervisor/observe/eyes.py",),
    "test_supervisor_imports": (
        "federation/supervisor/feeding.py",
        "federation/supervisor/shown.py",
    ),
    "test_xds_sender": (
        "federation/xds/held_type.py",
        "federation/xds/receiver.py",
        "federation/xds/resources.py",
        "federation/xds/snapshot.py",
    ),
    "test_dns_packets": ("cluster_agent/dns/udp_batches.py",),
    "test_rpc_channel": (
        "federation/wire/rpc/server_credentials.py",
        "federation/wire/rpc/server_links.py",
    ),
    "test_scenario_failover": ("federation/demo/scenarios/flows.py",),
    "test_trust_join_tokens": ("federation/trust/token_text.py",),
    "test_planning_tiers": ("federation/model/locality.py",),
    "test_codec_services": (
        "federation/model/names.py",
        "federation/wire/codec/checks.py",
        "federation/wire/codec/clusters.py",
    ),
}
"""Tests that cover modules of another name, since these are only of use together."""

WITHOUT = {
    "federation/wire/ask_controller.py": "over the network: the end-to-end tests do it",
    "cluster_agent/authority/join.py": "over the network: the end-to-end tests do it",
    "cluster_agent/uplink/connection.py": "to the controller: the end-to-end tests cut it",
    "cluster_agent/serve/events.py": "an interface",
    "federation/supervisor/envoy_side.py": "an interface",
    "cluster_agent/source/source.py": "an interface",
    "cluster_agent/source/status.py": "an interface",
    "cluster_agent/source/objects.py": "values without rules",
    "federation/controller/member.py": "a value; its rules are tested where it is used",
    "federation/demo/mesh.py": "starts the processes of the demo: the end-to-end tests do it",
    "federation/demo/resolve.py": "asks a DNS server: the end-to-end tests do it",
    "federation/model/types.py": "names of types",
    "federation/runtime/clock.py": "asks the machine for the time",
    "federation/wire/rpc/streams.py": "an interface",
    "federation/wire/rpc/methods.py": "a table of calls, made for real by test_rpc_channel",
    "federation/xds/messages.py": "values without rules",
    "federation/xds/rules.py": "a value and an interface, which the sender's tests go by",
    "federation/model/exports.py": "values; their rules are tested where they are merged and built",
    "federation/model/facts.py": "values without rules",
    "federation/model/plans.py": "values without rules",
    "federation/model/observations.py": "values without rules",
    "federation/model/proxies.py": "values without rules",
    "federation/model/zones.py": "values without rules",
}


def names_of_tests() -> set[str]:
    return {file.stem for file in (ROOT / "tests").rglob("test_*.py")}


def modules() -> list[str]:
    found = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    names = (str(file.relative_to(ROOT)) for file in found if "_pb2" not in file.name)
    return sorted(n for n in names if Path(n).name not in ("__init__.py", "main.py", "settings.py"))


def has_test(module: str) -> bool:
    """Whether a test is called after the module, or covers it among others."""
    path = Path(module)
    found = names_of_tests()
    shared = (n for n, patterns in TABLES.items() if any(path.match(p) for p in patterns))
    return any(name.endswith(f"_{path.stem}") for name in found) or any(n in found for n in shared)


@pytest.mark.parametrize("module", modules())
def test_a_module_has_its_test(module: str) -> None:
    assert has_test(module) or module in WITHOUT, "no test file"


def test_the_exceptions_exist() -> None:
    assert set(WITHOUT) <= set(modules())
