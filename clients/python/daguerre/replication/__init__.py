"""Records of the steps of a study, the bundle that is made of them, and the comparison with another run."""
