"""The model as it is named, stored, loaded and asked."""
