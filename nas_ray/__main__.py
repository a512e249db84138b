"""``python -m nas_ray``: the command line where the console script is not on the path."""

import sys

from nas_ray.cli import main

if __name__ == "__main__":
    sys.exit(main())
