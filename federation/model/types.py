"""The type URLs of the resources that proxies ask for.

Shared by `federation.envoy`, which makes the resources, and `federation.xds`, which carries them
(neither imports the other).
"""

_PREFIX = "type.googleapis.com/envoy."

CLUSTER = _PREFIX + "config.cluster.v3.Cluster"
ENDPOINTS = _PREFIX + "config.endpoint.v3.ClusterLoadAssignment"
LISTENER = _PREFIX + "config.listener.v3.Listener"
EXTENSION = _PREFIX + "config.core.v3.TypedExtensionConfig"
ROUTE = _PREFIX + "config.route.v3.RouteConfiguration"
SECRET = _PREFIX + "extensions.transport_sockets.tls.v3.Secret"
VIRTUAL_HOST = _PREFIX + "config.route.v3.VirtualHost"

IMPORT = "type.googleapis.com/fedmesh.v1.Import"
"""How a sidecar reaches one port of a service: asked for by name, never sent to Envoy."""
