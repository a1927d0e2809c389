"""docs/governance: maturity, readiness, principles, risks; the audit trail; a model made again."""
