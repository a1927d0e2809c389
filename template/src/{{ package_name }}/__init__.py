"""From a table to a model that passed the gate, its scored rows and its documents."""
