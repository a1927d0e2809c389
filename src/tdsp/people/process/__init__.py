"""docs/process: the lifecycle, labels and the backlog."""
