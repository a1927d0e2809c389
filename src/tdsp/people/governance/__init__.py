"""docs/governance: maturity, readiness, principles, risks; and the audit trail."""
