"""Many repositories: what state they are in, what is asked of them, and how they are updated."""
