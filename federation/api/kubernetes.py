"""The Kubernetes documents that fedmesh reads: only the fields it uses.

Service and Pod, Node, Namespace are core v1; EndpointSlice is discovery.k8s.io/v1.
"""

from typing import Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from federation.api.base import (
    Document,
    Label,
    LabelMetadata,
    LabelValue,
    ObjectName,
    OptionalLabel,
    Port,
    Text,
    Theirs,
    fields,
    is_address,
)
from federation.model.annotations import SIDECAR, STATUS
from federation.model.errors import shown

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
ZONE_LABEL = "topology.kubernetes.io/zone"

_VERSIONS = {"IPv4": 4, "IPv6": 6}
_LABEL = TypeAdapter(Label)

Protocol = Literal["TCP", "UDP", "SCTP"]


class ServicePortDocument(Theirs):
    """spec.ports[] of a Service."""

    others = fields("targetPort nodePort")

    name: OptionalLabel = ""
    protocol: Protocol = "TCP"
    port: Port
    app_protocol: Text = Field(default="", alias="appProtocol")


class ClientIp(Theirs):
    """spec.sessionAffinityConfig.clientIP."""

    timeout_seconds: int = Field(default=10_800, ge=1, le=86_400, alias="timeoutSeconds")


class AffinityConfig(Theirs):
    """spec.sessionAffinityConfig."""

    client_ip: ClientIp = Field(default=ClientIp(), alias="clientIP")


class ServiceSpec(Theirs):
    """spec of a Service."""

    others = fields(
        "clusterIPs externalIPs loadBalancerIP loadBalancerSourceRanges loadBalancerClass "
        "externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses "
        "ipFamilyPolicy allocateLoadBalancerNodePorts"
    )

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    cluster_ip: str = Field(default="", alias="clusterIP")
    ports: list[ServicePortDocument] = Field(default_factory=list, max_length=100)
    session_affinity: Literal["None", "ClientIP"] = Field(default="None", alias="sessionAffinity")
    affinity_config: AffinityConfig = Field(default=AffinityConfig(), alias="sessionAffinityConfig")
    internal_traffic_policy: Literal["Cluster", "Local"] = Field(
        default="Cluster", alias="internalTrafficPolicy"
    )
    traffic_distribution: Text = Field(default="", alias="trafficDistribution")
    selector: Any = None
    ip_families: list[Literal["IPv4", "IPv6"]] = Field(
        default_factory=list, max_length=2, alias="ipFamilies"
    )

    @model_validator(mode="after")
    def _ports_are_distinct(self) -> Self:
        names = [p.name for p in self.ports]
        if len(self.ports) > 1 and "" in names:
            raise ValueError("ports must all have names when there is more than one")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"ports must have distinct names, {name!r} occurs twice")
        numbers = [(p.protocol, p.port) for p in self.ports]
        for protocol, number in numbers:
            if numbers.count((protocol, number)) > 1:
                raise ValueError(f"ports must be distinct, {number}/{protocol} occurs twice")
        return self


class ServiceDocument(Document):
    """A Service."""

    others = fields("apiVersion kind status")

    metadata: LabelMetadata
    spec: ServiceSpec = ServiceSpec()


class EndpointConditions(Theirs):
    """endpoints[].conditions; `ready` unset counts as ready (MCS API)."""

    others = fields("serving")

    ready: bool | None = None
    terminating: bool | None = None


class TargetRef(Theirs):
    """endpoints[].targetRef."""

    others = fields("uid apiVersion resourceVersion fieldPath")

    kind: str = ""
    name: str = ""
    namespace: str = ""


class EndpointDocument(Theirs):
    """endpoints[] of an EndpointSlice."""

    others = fields("deprecatedTopology hints")

    addresses: list[str] = Field(min_length=1, max_length=100)
    conditions: EndpointConditions = EndpointConditions()
    hostname: OptionalLabel | None = None
    node_name: str | None = Field(default=None, alias="nodeName")
    zone: LabelValue | None = None
    target: TargetRef | None = Field(default=None, alias="targetRef")


class SlicePort(Theirs):
    """ports[] of an EndpointSlice: the port at the endpoint under the Service port's name."""

    others = fields("appProtocol")

    name: str | None = None
    protocol: Protocol = "TCP"
    port: Port | None = None


class EndpointSliceDocument(Document):
    """An EndpointSlice; belongs to the Service in its label kubernetes.io/service-name."""

    others = fields("apiVersion kind")

    address_type: Literal["IPv4", "IPv6", "FQDN"] = Field(alias="addressType")
    endpoints: list[EndpointDocument] = Field(default_factory=list, max_length=1000)
    ports: list[SlicePort] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        """What is wrong here would reach every proxy of the cluster."""
        version = _VERSIONS.get(self.address_type)
        for index, endpoint in enumerate(self.endpoints):
            address = endpoint.addresses[0]
            if version is not None and not is_address(address, version):
                raise ValueError(
                    f"endpoints[{index}].addresses[0] is {shown(address)}, but must be an "
                    f"{self.address_type} address as addressType says"
                )
        try:
            _LABEL.validate_python(self.service or "none")
        except ValidationError as error:
            raise ValueError(
                f"metadata.labels.{SERVICE_NAME_LABEL} is {shown(self.service)}, but must be a "
                "DNS label"
            ) from error
        return self

    @property
    def service(self) -> str:
        """The name of its Service, empty without the label."""
        return self.metadata.labels.get(SERVICE_NAME_LABEL, "")


class PodSpec(Theirs):
    """spec of a Pod."""

    others = fields(
        "volumes initContainers containers ephemeralContainers restartPolicy "
        "terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector "
        "serviceAccount automountServiceAccountToken hostPID hostIPC hostUsers "
        "shareProcessNamespace securityContext imagePullSecrets hostname subdomain affinity "
        "schedulerName tolerations hostAliases priorityClassName priority dnsConfig "
        "readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead "
        "topologySpreadConstraints setHostnameAsFQDN os schedulingGates resourceClaims "
        "resources hostnameOverride workloadRef schedulingGroup"
    )

    account: ObjectName | Literal[""] = Field(default="", alias="serviceAccountName")
    node_name: str = Field(default="", alias="nodeName")
    host_network: bool = Field(default=False, alias="hostNetwork")

    @property
    def service_account(self) -> str:
        """The account it runs as."""
        return self.account or "default"


class PodAddress(Theirs):
    """status.podIPs[] of a Pod."""

    ip: str = ""


class PodStatus(Theirs):
    """status of a Pod."""

    phase: str = ""
    pod_ip: str = Field(default="", alias="podIP")
    pod_ips: list[PodAddress] = Field(default_factory=list, max_length=100, alias="podIPs")


class PodDocument(Document):
    """A Pod."""

    others = fields("apiVersion kind")

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses that are its own: it has none when it has ended or uses its machine's."""
        if self.spec.host_network or self.status.phase in {"Succeeded", "Failed"}:
            return frozenset()
        told = {self.status.pod_ip, *(part.ip for part in self.status.pod_ips)}
        return frozenset(text for text in told if any(is_address(text, v) for v in (4, 6)))

    @property
    def has_sidecar(self) -> bool:
        """Whether its annotation says that a fedmesh sidecar stands before it."""
        notes = self.metadata.annotations
        return notes.get(SIDECAR, "").lower() == "true" or STATUS in notes


class NodeDocument(Document):
    """A Node."""

    others = fields("apiVersion kind spec status")

    @property
    def zone(self) -> str:
        """Its zone, empty when it has no such label."""
        return self.metadata.labels.get(ZONE_LABEL, "")


class NamespaceDocument(Document):
    """A Namespace."""

    others = fields("apiVersion kind spec status")
