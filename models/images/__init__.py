"""Image files: formats, decoding to pixels, resizing for an encoder, perceptual hashes and thumbnails."""
