"""Metrics: small pure functions on arrays; each says its formula and its unit."""
