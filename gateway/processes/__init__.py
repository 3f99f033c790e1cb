"""What runs: the sandbox (`up`), `serve`, `worker`; their servers, addresses, loops, logs, traces and ends."""
