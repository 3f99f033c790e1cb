"""Feeds and populations outside a launch: scanned, profiled, judged, with code-set editions and a terminology server."""
