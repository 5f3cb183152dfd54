"""Messages, their codec, and the one place where gRPC is spoken."""
