"""Frames of a video with exact timestamps, shots, and scores pooled over them.

Reading is lazy with bounded memory; the bytes are not trusted, and no other file is opened. `sampling.sample` yields
the frames that a policy of `policies` selects. PyAV (FFmpeg's libraries) is imported when the first clip is opened.
"""
