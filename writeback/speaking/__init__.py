"""What is said to an EHR and what its answers mean, without a socket: generators of requests."""
