"""From a trained float network to the files that engines run: one file a format, and the catalogue of targets as data.

Networks come in as ``tf_keras`` models and go out as facts about a written file. Nothing is trained or judged here.
"""
