"""What each technique is worth: a recipe with it and without it, on the same clips, folds and seeds."""
