"""Objects that call the server: a classifier, a video, a clustering and its report."""
