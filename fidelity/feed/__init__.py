"""What only several records show together: references, duplicates, people, series, the flow of the feed, baselines."""
