"""`python -m reverie` is `reverie`."""

import sys

from reverie.cli.main import main

sys.exit(main())
