"""Alerts: raised from changes of signals, deduplicated, inhibited, silenced, budgeted, routed, escalated, told."""
