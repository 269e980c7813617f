"""`python -m jaxpose` is the command `jaxpose`."""

import sys

from jaxpose.cli import main

sys.exit(main())
