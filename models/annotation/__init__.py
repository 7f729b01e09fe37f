"""Annotation by people: samples and pairs to be coded, agreement of coders, and clusterings compared with pairs."""
