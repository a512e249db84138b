"""A user's own module on the path."""

import sys
from pathlib import Path

# odd_spaces.py is what a user's own module is: importable where the search starts, unknown to workers.
sys.path.append(str(Path(__file__).parent))
