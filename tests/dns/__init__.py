"""Zones of any size, for benchmarks and tests of the DNS server alone."""
