"""Client libraries of others as judges of the authorization server, over a real socket."""
