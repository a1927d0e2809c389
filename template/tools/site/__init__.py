"""One static site of the project: `poe site` writes site/, to be opened as a file."""
