"""Clips in, bundle out: data, training, compression, compilation, evaluation, release.

Every stage reads one directory and writes one, keyed by the hash of its inputs. The agent stays out.
"""
