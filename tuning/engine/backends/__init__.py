"""Where the trials of a session are trained: on Ray, or in this process."""
