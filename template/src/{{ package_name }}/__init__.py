"""The steps of the pipeline, and the scoring of new rows."""
