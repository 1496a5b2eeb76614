"""Linear models: losses, and rules that learn in batches, row by row or by Newton steps."""
