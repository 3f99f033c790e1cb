"""Models on disk or behind a URL: loaded, checked, carded, compared."""
