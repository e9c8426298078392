"""Is a clip worth learning from: what can be measured of it, what is too bad, and what is there twice."""
