"""Needle beside NumPy, PyTorch, JAX, MLX and tinygrad: `./dev bench`.

The cases lie in `cases`, one file for each family; `libraries` holds what differs between the libraries, and `worker`
times cases in a process of its own. `runner` starts those processes, `peers` makes their environments, and `limits`
measures what the machine could do. `results` keeps and sums up the times, which `report` and `plot` show.
"""
