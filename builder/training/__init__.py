"""Views of clips in, trained networks out: members, their ensemble, the student distilled from it."""
