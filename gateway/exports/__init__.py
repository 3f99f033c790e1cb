"""Bulk exports of a sandbox EHR, from kick-off to the last part (Bulk Data Access 2.0.0)."""
