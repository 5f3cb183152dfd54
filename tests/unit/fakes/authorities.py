"""A cluster's authority made on the spot, with certificates that are valid now."""

from datetime import datetime, timedelta

from cluster_agent.authority.authority import Authority, Credentials, Membership
from federation.trust import issue, profile

DOMAIN = "mesh.test"


def make_authority(now: datetime, cluster: str = "east") -> Authority:
    """The authority of a cluster under a root of its own."""
    trust_domain = f"{cluster}.{DOMAIN}"
    root_key, key = issue.new_key(), issue.new_key()
    root = issue.make_root(root_key, profile.root_profile(DOMAIN), now)
    wanted = profile.intermediate_profile(trust_domain)
    intermediate = issue.issue_intermediate(root, root_key, key.public_key(), wanted, now)
    membership = Membership(cluster, DOMAIN, trust_domain, "127.0.0.1:1")
    return Authority(Credentials(membership, root, intermediate), key, timedelta(hours=1))
