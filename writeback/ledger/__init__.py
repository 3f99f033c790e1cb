"""The rows: outputs, deliveries, attempts, leases, and how each is claimed and settled."""
