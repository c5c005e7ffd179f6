"""Functions of functions: derivatives, batches, and functions with derivatives of their own."""
