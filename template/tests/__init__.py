"""Tests of the code, the data, the model's behaviour and the pipeline."""

import os

# Before NumPy and scikit-learn are imported: tables this small are done faster by one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
