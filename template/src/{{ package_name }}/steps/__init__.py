"""The stages of dvc.yaml, a module each: pure functions, and `main`, which reads and writes."""
