"""From a table to a model that passed the gate, its scored rows and its documents."""

import os
import sys

# Before the libraries that read it are loaded: threads that wait sleep, others have the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Whatever the environment says: else each stage would compile all its libraries again.
sys.dont_write_bytecode = False
