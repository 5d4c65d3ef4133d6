"""The notebook's door: the `Cluster` object, its display and its widget."""
