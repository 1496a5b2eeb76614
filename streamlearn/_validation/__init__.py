"""From what users and blocks hold to checked arrays and labels; errors name the block."""
