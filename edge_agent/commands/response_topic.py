"""Whether an answer may go where a request wants it: never into topics of somebody else."""

from __future__ import annotations

from edge_agent.delivery.topics import ROOT, Topics

PREFIX_PATTERN = r"^[^+#$/\x00][^+#\x00]*/$"
"""What the topics of answers may begin with."""
_LONGEST = 256


def find_topic_fault(topic: str, prefix: str, topics: Topics) -> str | None:
    """What is wrong with a request's response ``topic``; ``None``: it may be answered there. Whatever ``prefix`` says,
    among the topics of our own kind only this device's answers are allowed."""
    allowed = f"allowed are topics below {prefix} of at most {_LONGEST} bytes"
    if len(topic.encode(errors="replace")) > _LONGEST:
        return f"found a response topic of more than {_LONGEST} bytes; {allowed}"
    if any(character in topic for character in "+#\x00") or not topic.isprintable():
        return f"found a response topic with a wildcard or a character that cannot be printed; {allowed}"
    ours = topic.startswith(f"{ROOT}/") and not topic.startswith(topics.answers)
    if not topic.startswith(prefix) or len(topic) == len(prefix) or ours:
        return f"found the response topic {topic!r}; {allowed}"
    return None
