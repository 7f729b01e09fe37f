"""HTTP: items as multipart uploads or JSON, answers as JSON with vectors in base64."""
