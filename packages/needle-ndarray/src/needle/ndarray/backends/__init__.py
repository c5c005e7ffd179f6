"""The built-in backends; each module has ``load()``, to which its entry point leads."""
