"""The last stage of a plan: who may answer for the service.

In: the accounts that clusters reported, and the operator's word on their trust domains. Out: exact
SPIFFE ids, sorted. What is compiled of a plan accepts an answer of nobody else.
"""

from collections.abc import Iterator
from dataclasses import replace

from federation.model.names import gateway_identity, workload_identity
from federation.model.plans import Plan
from federation.planning.stage import Known, Staged
from federation.planning.tiers import local_endpoints


def stage(known: Known, plan: Plan) -> Staged:
    """The exact SPIFFE ids that may answer for the service.

    The trust domain is that of the cluster's fact, never of its report: a cluster vouches for its
    own accounts only.
    """
    return replace(plan, identities=tuple(sorted(set(_identities(known))))), ()


def _identities(known: Known) -> Iterator[str]:
    service, home = known.facts.service, known.importer.cluster
    namespace = service.name.namespace
    own = known.clusters.get(home)
    for endpoint in local_endpoints(known):
        if own and endpoint.account:
            yield workload_identity(own.trust_domain, namespace, endpoint.account)
    for backend in known.facts.backends:
        cluster = known.clusters.get(backend.cluster)
        if cluster is None or backend.cluster not in service.exporters:
            continue
        for account in backend.accounts:
            yield workload_identity(cluster.trust_domain, namespace, account)
        if backend.terminated and backend.cluster != home:
            yield gateway_identity(cluster.trust_domain)
