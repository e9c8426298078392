"""The page that an installer leaves behind: what was tried on a device, and what each of its cameras shows."""
