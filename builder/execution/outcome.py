"""How a task ended, told in a way that another process can read."""

from __future__ import annotations

import traceback

from builder.display import Display
from builder.execution.executor import Failed, Finished
from builder.execution.task import Task
from models.errors import NexaraError


def attempt(task: Task, display: Display) -> Finished | Failed:
    """Run a task to its end. Raises ``OSError`` only when nobody listens to ``display`` any more."""
    try:
        task.run(display)
    except NexaraError as error:
        return Failed(task.name, str(error), defect=False)
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is to be shown where the command was started
        return Failed(task.name, traceback.format_exc(), defect=True)
    return Finished(task.name)
