"""The contract: what a bundle is.

Manifest, preprocessing, windows, labels, signing and the store live here, and nothing that trains, decodes video,
opens an engine or talks to a network. Everything else in the house may import this room; it imports none of them.
"""
