"""Runner processes of the process placement, and how entry workers reach them."""
