"""The playground: small networks on small data, trained while one looks."""
