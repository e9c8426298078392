"""Where the cells of a wall lie, found from some seconds of its picture."""
