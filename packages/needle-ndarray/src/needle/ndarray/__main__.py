"""``python -m needle.ndarray``: the devices, who provides them, and why one is unavailable."""

from needle.ndarray.backend import BackendUnavailable
from needle.ndarray.devices import device, devices, providers


def main() -> None:
    """Print a line for each installed backend."""
    rows = [("device", "provided by", "description")]
    for name in devices():
        try:
            description = device(name).description
        except (BackendUnavailable, ValueError) as error:
            description = f"unavailable: {error}"
        rows.append((name, " and ".join(providers(name)), description))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, distribution, description in rows:
        print(f"{name:<{widths[0]}}  {distribution:<{widths[1]}}  {description}")


if __name__ == "__main__":
    main()
