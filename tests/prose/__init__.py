"""A linter for our prose: ``python -m tests.prose`` prints each sentence to mend, and why."""
