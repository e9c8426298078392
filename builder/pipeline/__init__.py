"""The stages of a build, in order: what each reads, what it writes, and under which key."""
