"""The one storage seam and what surrounds it: schema, leases, backups, what is purged (docs/decisions/0003)."""
