"""Where frames come from: one kind of source a file, behind one Protocol and one table of schemes."""
