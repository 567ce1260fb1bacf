"""How the threads of NumPy's OpenBLAS wait for work, which must be said before NumPy is loaded.

After a product they look for the next one without sleeping, for about 20 ms unless told otherwise, on the core that a
kernel's second thread then wants. A third of a millisecond keeps them awake between the products of a network's layers.
"""

import os
import sys

__all__ = ["WAITS_BRIEFLY"]

_NAME = "OPENBLAS_THREAD_TIMEOUT"
# Whether OpenBLAS has seen, or will see, the shorter time.
WAITS_BRIEFLY = _NAME in os.environ or "numpy" not in sys.modules
# The logarithm of a number of the processor's cycles.
os.environ.setdefault(_NAME, "20")
