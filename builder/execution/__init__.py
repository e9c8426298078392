"""Work done side by side, in processes of this machine or of a cluster; it knows nothing of what the work is."""
