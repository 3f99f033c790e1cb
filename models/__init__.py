"""The example models: each a folder with a manifest, its code, its reference profile and worked examples."""
