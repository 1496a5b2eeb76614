"""Pure numerics: small states, and functions on them, written against the Python Array API."""
