"""A launch after its token: what was granted, the chart that is read with it, whose turn it is to score."""
