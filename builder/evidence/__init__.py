"""What other commands measured of a recipe or of a bundle, read from their files to be shown beside a build's figures.

Each kind of file has a struct that names only what is shown: unknown fields are ignored, so that neither the agent nor
the benchmarks are imported here, and files of other versions are read as long as they tell the same. Nothing is
measured here.
"""
