"""A clip's bytes → frames with exact timestamps, shots, and scores pooled over them.

Reading is lazy and flat in memory; the bytes are hostile, and nothing outside them is ever opened. `sampling.sample`
is the way in, `policies` says which frames, and PyAV (FFmpeg's libraries) is imported when the first clip is opened.
"""
