"""The op table's blocks; all but those in `shape` are built on those there."""
