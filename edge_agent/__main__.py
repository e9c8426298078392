"""``python -m edge_agent``: the same as ``nexara-edge``."""

from __future__ import annotations

import sys

from edge_agent.command_line import main

sys.exit(main())
