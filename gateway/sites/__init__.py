"""Sites: one customer each, declared in a folder of its own (product.md §4, §7)."""
