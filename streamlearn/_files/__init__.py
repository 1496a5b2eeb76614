"""Files of arrays and JSON, which are read without pickle: reading one runs no code of the file."""

from streamlearn._files.archive import read, remove_parts, write

__all__ = ["read", "remove_parts", "write"]
