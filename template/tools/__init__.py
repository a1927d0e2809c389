"""What keeps the project in order; nothing in src/ imports from here."""
