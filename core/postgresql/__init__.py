"""Django's PostgreSQL backend, with a memory of whether the server answers."""
